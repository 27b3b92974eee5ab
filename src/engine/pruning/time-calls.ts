/** Times the calls of a model alone, on this device, at several widths of what a cut may narrow. */
import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import type { PruneSpec } from '../../jobs/spec/index.ts';
import type { ModelDocument } from '../../model/document.ts';
import type { Call } from '../../model/graph.ts';
import type { Options } from '../../model/layers/index.ts';
import type { GroupLimits } from '../../pruning/allocation.ts';
import { type CallPlan, type Gone, planCalls, removedBy } from '../../pruning/call-widths.ts';
import { groupsToCut } from '../../pruning/candidates.ts';
import { type ChannelGroup, type ChannelMap, channelMap } from '../../pruning/groups.ts';
import { type CallTimes, type LatencyTable, latencyTable } from '../../pruning/latency-table.ts';
import { optionsWithout, shapeWithout, weightShapeWithout } from '../../pruning/surgery.ts';
import { quantile } from '../../report/latency.ts';
import { Cancelled } from '../cancelled.ts';
import { type CallTensors, forward, runCall } from '../network.ts';
import { probeInputs } from '../probe-inputs.ts';
import type { TrainingRunParts } from '../run/index.ts';
import { scope } from '../scope.ts';
import { tf } from '../tensorflow.ts';
import { Variables } from '../variables.ts';

/** How much is measured. */
export interface TimingEffort {
  /** Widths of an axis below the whole one, at the most. */
  levels: number;
  /** Each variant is timed so often, all of them in turn, unless the seconds are spent before. */
  rounds: number;
  seconds: number;
}

const EFFORT: TimingEffort = { levels: 4, rounds: 5, seconds: 20 };

/** Shorter calls are repeated until one timing takes so long. */
const LEAST_MS = 0.5;
const MOST_REPEATS = 200;

/** Whether the job's cuts go by the times of groups. */
export function timesGroups({ pruning: { structure, target, plan } }: PruneSpec): boolean {
  return structure.type === 'channels' && 'latency' in target && !plan;
}

/** The table of the uploaded model's groups that the job may cut, for batches of `evaluation.latency_batch_size`. Throws Cancelled. */
export function timeGroups({ pruning, evaluation }: PruneSpec, parts: TrainingRunParts): LatencyTable {
  const { structure, layers } = pruning;
  if (structure.type !== 'channels') throw new Error(`${structure.type} has no groups of channels`);
  const { document, data, cancelled, reporter } = parts;
  reporter.enter('pruning');
  const map = channelMap(document.graph);
  const { groups } = groupsToCut(map, pruning);
  const inputs = probeInputs(data, document, evaluation.latency_batch_size);
  try {
    return timeCalls(document, map, groups, { ...structure, overrides: layers.overrides }, [inputs], () => {
      if (cancelled()) throw new Cancelled();
    });
  } finally {
    inputs.dispose();
  }
}

/** The table of these groups of a model, for batches as large as the inputs. `checkCancelled` is called between measurements and may throw. */
export function timeCalls(
  document: ModelDocument,
  map: ChannelMap,
  groups: readonly ChannelGroup[],
  limits: GroupLimits,
  inputs: readonly Tensor[],
  checkCancelled: () => void,
  effort = EFFORT,
): LatencyTable {
  const began = performance.now();
  const tensors = tensorFacts(document, inputs);
  const shapesOf = (plan: CallPlan): VariantShapes[] =>
    plan.variants.map(({ gone }) => variantShapes(map, groups, plan.call, gone, tensors));
  const measured = (calls: readonly VariantShapes[][], rounds: number): CallTimes[] =>
    timeInTurn(calls, rounds, effort.seconds, checkCancelled).map(
      (samples) => medians(samples) ?? { reason: `${effort.seconds} seconds were spent before its turn` },
    );
  const whole = measured(distinctCalls(planCalls(map, groups, limits, 0), shapesOf).calls, 1);
  const wholeMs = whole.reduce((sum, times) => sum + ('reason' in times ? 0 : times[0]!), 0);
  const plans = planCalls(map, groups, limits, levelsFor(wholeMs, effort));
  const { calls, places } = distinctCalls(plans, shapesOf);
  const distinct = measured(calls, effort.rounds);
  const times = places.map((place) => distinct[place]!);
  return latencyTable(map, groups, plans, times, { batch_size: inputs[0]!.shape[0]!, seconds: (performance.now() - began) / 1000 });
}

/** As many levels as leave time for all rounds of a model whose calls take so long together, one at least: most calls have two axes. */
function levelsFor(wholeMs: number, { levels: most, rounds, seconds }: TimingEffort): number {
  const round = (levels: number): number => 2 * wholeMs * (1 + 0.6 * (2 * levels + 1));
  for (let levels = most; levels > 1; levels--) if (round(levels) * rounds <= seconds * 1000) return levels;
  return 1;
}

interface TensorFacts {
  shape: readonly number[];
  dtype: Tensor['dtype'];
}

/** The shapes with their batch axis, and the types, of every tensor of the model. */
function tensorFacts({ graph, weights }: ModelDocument, inputs: readonly Tensor[]): TensorFacts[] {
  const facts: TensorFacts[] = [];
  for (const [at, { tensor }] of graph.inputs.entries()) facts[tensor] = { shape: inputs[at]!.shape, dtype: inputs[at]!.dtype };
  const variables = Variables.from(weights);
  try {
    scope(() => {
      const values = new Map(variables.keys().map((key) => [key, variables.read(key)]));
      forward(graph, (key) => values.get(key)!, inputs, {
        training: false,
        tap: (tensor, value) => {
          facts[tensor] = { shape: value.shape, dtype: value.dtype };
          return value;
        },
      });
    });
  } finally {
    variables.dispose();
  }
  return facts;
}

/** Everything on which the time of a call hangs. */
interface VariantShapes {
  call: Call;
  options: Options;
  inputs: TensorFacts[];
  extras: Record<string, TensorFacts[]>;
  masks: (readonly number[] | null)[];
  weights: Record<string, readonly number[]>;
}

function variantShapes(
  map: ChannelMap,
  groups: readonly ChannelGroup[],
  call: Call,
  gone: Gone,
  tensors: readonly TensorFacts[],
): VariantShapes {
  const removed = removedBy(gone, map, groups);
  const { layer } = call;
  const facts = (tensor: number): TensorFacts => {
    const { shape, dtype } = tensors[tensor]!;
    return { shape: shapeWithout(map, tensor, shape, removed), dtype };
  };
  return {
    call,
    options: optionsWithout(map, removed).get(layer.name) ?? layer.options,
    inputs: call.inputs.map(facts),
    extras: Object.fromEntries(Object.entries(call.extras).map(([name, given]) => [name, given.map(facts)])),
    masks: call.masks.map((mask) => (mask === null ? null : tensors[mask]!.shape)),
    weights: Object.fromEntries(layer.weights.map((weight) => [weight.name, weightShapeWithout(map, layer, weight, removed)])),
  };
}

/** Calls that are the same but for their names, once; `places` says where each of the plans is. */
function distinctCalls(
  plans: readonly CallPlan[],
  shapesOf: (plan: CallPlan) => VariantShapes[],
): { calls: VariantShapes[][]; places: number[] } {
  const known = new Map<string, number>();
  const calls: VariantShapes[][] = [];
  const places = plans.map((plan) => {
    const variants = shapesOf(plan);
    const key = JSON.stringify(
      variants.map(({ call, options: { name: _, ...options }, ...shapes }) => [call.layer.className, call.callOptions, options, shapes]),
    );
    const place = known.get(key) ?? calls.push(variants) - 1;
    known.set(key, place);
    return place;
  });
  return { calls, places };
}

/** Of one call: by variant, milliseconds of each round; or why it cannot be timed. */
type Samples = number[][] | { reason: string };

/**
 * Rounds over all variants of all calls, so that a stretch in which the machine is busy falls on one round of each. Ends after the rounds,
 * or once the seconds are spent.
 */
function timeInTurn(calls: readonly VariantShapes[][], rounds: number, seconds: number, checkCancelled: () => void): Samples[] {
  const until = performance.now() + seconds * 1000;
  const samples = calls.map((variants): Samples => variants.map(() => []));
  for (let round = 0; round < rounds; round++) {
    for (const [at, variants] of calls.entries()) {
      const own = samples[at]!;
      if ('reason' in own) continue;
      if (performance.now() > until) return samples;
      checkCancelled();
      try {
        const times = variants.map(() => 0);
        // Which goes first alternates; none always finds the caches warm.
        const order = [...variants.keys()];
        for (const variant of round % 2 === 0 ? order : order.reverse()) times[variant] = timed(variants[variant]!);
        for (const [variant, ms] of times.entries()) own[variant]!.push(ms);
      } catch (error) {
        samples[at] = { reason: `it does not run by itself: ${(error as Error).message}` };
      }
    }
  }
  return samples;
}

/** The whole call's median, and of the others that of their part of it in the same round; null where there was no round. */
function medians(samples: Samples): CallTimes | null {
  if ('reason' in samples) return samples;
  const [first] = samples as [number[], ...number[][]];
  if (first.length === 0) return null;
  const part = (own: readonly number[]): number =>
    quantile(
      own.map((ms, round) => ms / first[round]!),
      0.5,
    );
  return samples.map((own) => quantile(first, 0.5) * part(own));
}

/** Milliseconds of one run, behind one that warms up. */
function timed({ call, options, inputs, extras, masks, weights }: VariantShapes): number {
  const alone: Call = { ...call, layer: { ...call.layer, options } };
  return scope(() => {
    const given: CallTensors = {
      inputs: inputs.map(filled),
      extras: Object.fromEntries(Object.entries(extras).map(([name, facts]) => [name, facts.map(filled)])),
      masks: masks.map((mask) => (mask === null ? null : tf.ones([...mask], 'bool'))),
    };
    const prefix = `${call.layer.name}/`;
    const values = new Map(Object.entries(weights).map(([name, shape]) => [prefix + name, filled({ shape, dtype: 'float32' })]));
    const run = (): Tensor[] => runCall(alone, (key) => values.get(key)!, given, { training: false });
    const repeated = (times: number): number => {
      const start = performance.now();
      for (let left = times; left > 0; left--)
        scope(() => {
          const outputs = run();
          // A device computes on while nobody asks for numbers.
          if (left === 1) for (const output of outputs) oneOf(output);
        });
      return performance.now() - start;
    };
    const warm = repeated(1);
    const repeats = Math.min(MOST_REPEATS, Math.max(1, Math.ceil(LEAST_MS / Math.max(warm, LEAST_MS / MOST_REPEATS))));
    return repeated(repeats) / repeats;
  });
}

/** A half everywhere: positive for roots and variances, class 0 where numbers of classes are read. */
function filled({ shape, dtype }: TensorFacts): Tensor {
  return dtype === 'float32' ? tf.fill([...shape], 0.5) : tf.zeros([...shape], dtype);
}

/** Waits until a tensor is computed, for as little of it as can be had. */
function oneOf(tensor: Tensor): void {
  const first =
    tensor.rank === 0
      ? tensor
      : tf.slice(
          tensor,
          tensor.shape.map(() => 0),
          tensor.shape.map(() => 1),
        );
  first.dataSync();
}
