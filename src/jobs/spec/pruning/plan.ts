import Type, { type Static } from 'typebox';
import { choice, defaulted, strictObject } from '../../../schema.ts';

const Indices = Type.Array(Type.Integer({ minimum: 0, maximum: 2 ** 31 - 1 }), { maxItems: 2 ** 20 });

export const PlannedGroup = strictObject(
  {
    layers: Type.Array(Type.String(), {
      minItems: 1,
      maxItems: 10_000,
      description: 'The layers whose units go together, as prunability lists them; so many of them as tell the group apart.',
    }),
    kind: defaulted(choice(['channels', 'heads', 'key_dimensions', 'value_dimensions', 'cell_units']), 'channels'),
    part: defaulted(
      Type.Integer({
        minimum: 0,
        maximum: 65_535,
        description: 'Which of several groups of the same layers and kind, in the order of prunability.',
      }),
      0,
    ),
    units: Type.Optional(
      Type.Integer({ minimum: 1, description: 'How many units there are, of which nothing is assumed where it is left out.' }),
    ),
    kept: Type.Optional(Indices),
    removed: Type.Optional(Indices),
    scores: Type.Optional(
      Type.Array(Type.Number(), { maxItems: 2 ** 20, description: 'Of each unit, as the scope compared them; written, and never read.' }),
    ),
  },
  { description: 'Units are counted from 0 in the order in which the first of the layers makes them. One of kept and removed is enough.' },
);
export type PlannedGroup = Static<typeof PlannedGroup>;

const Bitmap = Type.String({
  pattern: '^[A-Za-z0-9+/]*={0,2}$',
  description: 'Base64 of one bit a weight, row-major, the lowest bit of a byte first.',
});

export const PlannedKernel = strictObject(
  {
    weight: Type.String({ description: 'Its key, LAYER/WEIGHT.' }),
    shape: Type.Optional(Type.Array(Type.Integer({ minimum: 1 }), { maxItems: 16 })),
    zeros: Type.Optional(Type.Integer({ minimum: 0, description: 'How many of its weights are removed.' })),
    kept: Type.Optional(Bitmap),
    removed: Type.Optional(Bitmap),
  },
  { description: 'Which weights of a kernel become zero: one of kept and removed is enough.' },
);
export type PlannedKernel = Static<typeof PlannedKernel>;

const fields = {
  model_sha256: Type.Optional(Type.String({ pattern: '^[0-9a-f]{64}$', description: 'Of the file of the model that the plan is of.' })),
  structure: Type.Optional(choice(['unstructured', 'n_m', 'block', 'channels'])),
  groups: Type.Optional(Type.Array(PlannedGroup, { maxItems: 100_000, description: 'With channels. Groups that are not named keep all.' })),
  kernels: Type.Optional(
    Type.Array(PlannedKernel, { maxItems: 100_000, description: 'With the other structures. Kernels that are not named keep all.' }),
  ),
};

/** What one cut removes, whoever chose it. */
export const Plan = strictObject(fields, { title: 'Plan', description: 'What a cut removes.' });
export type Plan = Static<typeof Plan>;

/** A plan in the specification of a job: itself, or the job that made it. */
export const PlanSource = strictObject(
  { job_id: Type.Optional(Type.String({ pattern: '^job_[0-9A-HJKMNP-TV-Z]{26}$', description: 'A job with plan_only.' })), ...fields },
  {
    title: 'PlanSource',
    description:
      'What is removed, without anything being scored: the plan of a job with plan_only, by job_id, or a plan of whatever origin itself. Under the same specification the result is, byte for byte, that of the job which would have pruned directly.',
  },
);
export type PlanSource = Static<typeof PlanSource>;
