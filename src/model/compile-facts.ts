/** What a file's compile_config says, in the form in which the ledger keeps it and the API shows it. */
import Type, { type Static } from 'typebox';
import { nullable, strictObject } from '../schema.ts';
import { KerasSchedule } from './learning-rate-schedule.ts';

export const Unread = strictObject(
  { what: Type.String(), value: Type.String({ description: 'As JSON, cut where it is long.' }), reason: Type.String() },
  { description: 'A part of the compile_config that has no meaning here.' },
);
export type Unread = Static<typeof Unread>;

const option = nullable(Type.Union([Type.Number(), Type.Boolean(), Type.String()]));

export const OptimizerSettings = strictObject({
  type: Type.String({ description: 'The class name in lower case: `adam`.' }),
  learning_rate: Type.Number({ description: 'The rate, or the first one of the schedule.' }),
  learning_rate_schedule: nullable(KerasSchedule),
  options: Type.Record(Type.String(), option, { description: 'Every other hyper-parameter by its name in Keras, defaults included.' }),
});
export type OptimizerSettings = Static<typeof OptimizerSettings>;

export const LossSettings = strictObject({
  type: Type.String({ description: 'The name of the function: `mean_squared_error`.' }),
  options: Type.Record(Type.String(), option, { description: 'Every option by its name in Keras, defaults included.' }),
});
export type LossSettings = Static<typeof LossSettings>;

export const CompileSettings = strictObject({
  optimizer: nullable(OptimizerSettings),
  loss: nullable(LossSettings),
  metrics: Type.Array(Type.String()),
  unread: Type.Array(Unread),
});
export type CompileSettings = Static<typeof CompileSettings>;

export const CompileFacts = strictObject({
  loss: nullable(Type.String()),
  optimizer: nullable(Type.String()),
  settings: Type.Optional({ ...CompileSettings, description: 'Absent for models uploaded before it was read.' } as typeof CompileSettings),
});
export type CompileFacts = Static<typeof CompileFacts>;
