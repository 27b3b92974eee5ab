/**
 * What passes between a server and the worker that predicts for it. The queue carries a delivery; the numbers lie in Redis beside it, under keys that
 * expire with the request, so that nothing of a prediction is left whatever ends first. Which model it is the worker reads in the ledger.
 */
import Type, { type Static } from 'typebox';
import { Compile } from 'typebox/compile';
import { PROBLEMS, type ProblemCode } from '../../errors.ts';
import { choice, strictObject } from '../../schema.ts';
import { idPattern } from '../ids.ts';
import { QUEUE_PREFIX } from '../queue.ts';
import { type NamedArray, packArrays, unpackArrays } from './arrays.ts';

export const PREDICTION_QUEUE = 'predict';

export const PredictionDelivery = strictObject({
  id: Type.String({ pattern: idPattern('prd') }),
  tenant: Type.String(),
  model_id: Type.String(),
  /** The channel on which the server hears that the answer is there. */
  answer_to: Type.String(),
});
export type PredictionDelivery = Static<typeof PredictionDelivery>;
const deliveries = Compile(PredictionDelivery);

/** Any client of the same Redis could have put something into the queue. */
export function isPredictionDelivery(payload: unknown): payload is PredictionDelivery {
  return deliveries.Check(payload);
}

/** Keys of one prediction; all of them lie in one slot of a Redis Cluster. */
export function predictionKeys(id: string): { inputs: string; answer: string } {
  return { inputs: `${QUEUE_PREFIX}:prediction:${id}:inputs`, answer: `${QUEUE_PREFIX}:prediction:${id}:answer` };
}

/** The channel on which a server says that nobody waits for a prediction any more. */
export const ABANDONED_CHANNEL = `${QUEUE_PREFIX}:predictions:abandoned`;

/** What became of a prediction. */
export type PredictionAnswer = { kind: 'outputs'; outputs: NamedArray[] } | { kind: 'failed'; code: ProblemCode; detail: string };

const Failure = Compile(
  strictObject({ kind: Type.Literal('failed'), code: choice(Object.keys(PROBLEMS) as ProblemCode[]), detail: Type.String() }),
);

export function packAnswer(answer: PredictionAnswer): Buffer {
  return answer.kind === 'outputs' ? packArrays(answer.outputs, { kind: 'outputs' }) : packArrays([], { ...answer });
}

/** What `packAnswer` packed. Throws an Error where the bytes are something else. */
export function unpackAnswer(bytes: Buffer): PredictionAnswer {
  const { arrays, extra } = unpackArrays(bytes);
  if (extra.kind === 'outputs') return { kind: 'outputs', outputs: arrays };
  if (Failure.Check(extra)) return extra;
  throw new Error('An answer that is neither outputs nor a failure');
}
