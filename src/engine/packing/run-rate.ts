/** Packing at a rate: weights as whole multiples of learned steps, trained for loss + λ·bits. */
import type { PackedLayers, Rate } from '../../jobs/spec/index.ts';
import { type ModelDocument, type Weights, withWeights } from '../../model/document.ts';
import { codeBytes } from '../../model/formats/esp/index.ts';
import { isWritable, writeModel } from '../../model/formats/index.ts';
import { weightKey } from '../../model/graph.ts';
import { onGrids } from '../../packing/grid.ts';
import { type KernelCodings, LARGEST_MULTIPLE } from '../../packing/kernel-coding.ts';
import { bitsOfAll, codeCosts } from '../../packing/rate/code-costs.ts';
import { type Found, type Numbers, searched } from '../../packing/rate/local-search.ts';
import { firstStep } from '../../packing/rate/steps.ts';
import { prunableKernels } from '../../pruning/kernels.ts';
import { zeroMasks } from '../../pruning/masks.ts';
import { fileSizes } from '../../report/file-sizes.ts';
import { type RunState, stepsPerEpoch } from '../run/index.ts';
import type { PackingContext } from './run-packing.ts';
import { IMPORTANCE_BATCH, weightImportance } from './weight-importance.ts';

type PackedState = NonNullable<RunState['packed']>;

/** Batches on which the search behind the training measures, and how often it does. */
const SEARCH_BATCHES = { least: 8, most: 128 };
const SEARCH_EVALUATIONS = { least: 16, most: 64 };

/** Goes on from where the run stands: the training at the rate, and the search behind it. */
export async function runRate(context: PackingContext, rate: Rate): Promise<void> {
  const { run, parts } = context;
  if (run.state.packed === null) await begin(context, rate);
  const packed = run.state.packed!;
  const { phases } = packed.rate!;
  parts.reporter.enter('training', run.state.step);
  const recount = (done: number): void => {
    if ((done - phases.begin) % rate.every_steps === 0) run.recountCosts();
  };
  for (const [phase, from, to] of [
    ['noise', phases.begin, phases.straight],
    ['straight', phases.straight, phases.commit],
    ['commit', phases.commit, phases.end],
  ] as const) {
    // The commitment has to be entered also where it is empty: it gives steps few digits.
    if (run.state.step > to || (from === to && phase !== 'commit')) continue;
    run.enterRatePhase(phase);
    run.train(to, { afterStep: recount, mayStop: () => false });
  }
  parts.reporter.enter('packing', run.state.step);
  await end(context, rate, packed);
}

async function begin({ run, parts, packing, format, measure, steps }: PackingContext, rate: Rate): Promise<void> {
  parts.reporter.enter('packing', run.state.step);
  const document = run.result();
  const codings = codingsOf(document, packing.layers, rate, steps);
  const rounded: Weights = new Map(document.weights);
  for (const [key, coding] of codings) {
    if (coding.kind !== 'rate') continue;
    const { shape, data } = rounded.get(key)!;
    rounded.set(key, { shape, data: onGrids(data, shape, coding.steps, LARGEST_MULTIPLE) });
  }
  const masks = parts.training.keep_zeros ? zeroMasks(prunableKernels(document.graph, packing.layers), document.weights) : new Map();
  run.pack(document, codings, masks, {
    step: run.state.step,
    method: 'rate',
    before: { ...(await fileSizes(document, format)), esp_bytes: (await espFile(document))?.length ?? null, selection: measure(document) },
    packed: { selection: measure(withWeights(document, rounded)) },
  });
}

/** Kernels of the layers that are trained, and their biases where the rate has them, each under a step of its own. */
function codingsOf(
  { graph, weights }: ModelDocument,
  { include, exclude }: PackedLayers,
  { biases }: Rate,
  known: PackingContext['steps'] = new Map(),
): KernelCodings {
  const keys = graph.layers
    .filter(({ name, trainable }) => trainable && (include === undefined || include.includes(name)) && !exclude.includes(name))
    .flatMap((layer) =>
      layer.weights
        .filter(({ role, stored }) => stored === undefined && (role === 'kernel' || (biases && role === 'bias')))
        .map(({ name }) => weightKey(layer, name)),
    );
  return new Map(
    keys.map((key) => {
      const { shape, data } = weights.get(key)!;
      return [key, { kind: 'rate', steps: { shape: shape.map(() => 1), data: Float32Array.of(known.get(key) ?? firstStep(data)) } }];
    }),
  );
}

/** Looks for numbers near those that were trained whose training loss + λ·bits is lower, and reports. */
async function end(context: PackingContext, rate: Rate, packed: PackedState): Promise<void> {
  const { run } = context;
  const trained = run.result();
  const multiples = run.multiples(trained.weights);
  const search = searchNearby(context, rate, packed, trained, multiples);
  const { numbers = multiples } = search ?? {};
  const result = search?.changed ? withWeights(trained, weightsOf(numbers, trained.weights)) : trained;
  if (search?.changed) run.keep(result.weights);
  packed.report.tensors = [...numbers].map(([weight, { shape, multiples, step }]) => {
    const costs = codeCosts(multiples, shape);
    let largest = 0;
    for (const multiple of multiples) largest = Math.max(largest, Math.abs(multiple));
    return { weight, elements: multiples.length, zeros: costs.zeros, step, largest, bits: Math.round(costs.bits) };
  });
  const file = await espFile(result);
  packed.report.rate = {
    weight: rate.weight,
    kept: packed.rate!.kept,
    search: search && { changed: search.changed, evaluations: search.evaluations, loss: search.loss, bits: search.bits.map(Math.round) },
    estimated_bits: Math.round(bitsOfAll(numbers.values())),
    coded_bits: file && 8 * codeBytes(file),
    esp_bytes: file?.length ?? null,
  };
}

/** What a search with about its share of the steps finds; null where it has none. */
function searchNearby(
  { run, parts, packing }: PackingContext,
  rate: Rate,
  { rate: state }: PackedState,
  trained: ModelDocument,
  multiples: Numbers,
): Found | null {
  if (rate.search === 0) return null;
  const { begin, end } = state!.phases;
  const steps = Math.ceil(rate.search * (end - begin));
  const [many, often] = [SEARCH_BATCHES, SEARCH_EVALUATIONS];
  const wanted = Math.max(many.least, Math.ceil(steps / often.least));
  const batches = Math.min(wanted, many.most, stepsPerEpoch(parts.data, parts.training.batch_size));
  const evaluations = Math.min(often.most, Math.max(often.least, Math.floor(steps / batches)));
  const kernels = [...multiples.keys()].map((key) => ({ key }));
  const importance = weightImportance(trained, kernels, packing.calibration_samples, run, parts);
  // Of samples, a gradient's square is as many times that of a batch's mean.
  const curvatures = new Map([...importance].map(([key, squares]) => [key, squares.map((square) => 0.5 * IMPORTANCE_BATCH * square)]));
  return searched(multiples, {
    weight: rate.weight,
    curvatures,
    measure: (numbers) => run.lossAt(weightsOf(numbers, trained.weights), batches),
    evaluations,
  });
}

/** These weights with the products of whole numbers and their steps; zeros are +0. */
function weightsOf(numbers: Numbers, others: Weights): Weights {
  const weights: Weights = new Map(others);
  for (const [key, { shape, multiples, step }] of numbers) {
    weights.set(key, { shape, data: Float32Array.from(multiples, (multiple) => (multiple === 0 ? 0 : multiple * step)) });
  }
  return weights;
}

async function espFile(document: ModelDocument): Promise<Uint8Array | null> {
  return isWritable(document, 'esp') ? writeModel(document, 'esp') : null;
}
