/** Packing at a rate: weights as whole multiples of learned steps, trained for loss + λ·bits. */
import type { PackedLayers, Rate } from '../../jobs/spec/index.ts';
import { type ModelDocument, type Weights, withWeights } from '../../model/document.ts';
import { codeBytes } from '../../model/formats/esp/index.ts';
import { isWritable, writeModel } from '../../model/formats/index.ts';
import { weightKey } from '../../model/graph.ts';
import { onGrids } from '../../packing/grid.ts';
import { type KernelCodings, LARGEST_MULTIPLE } from '../../packing/kernel-coding.ts';
import { bitsOfAll, codeCosts } from '../../packing/rate/code-costs.ts';
import { worthTheirBits } from '../../packing/rate/rounding.ts';
import { firstStep } from '../../packing/rate/steps.ts';
import { prunableKernels } from '../../pruning/kernels.ts';
import { zeroMasks } from '../../pruning/masks.ts';
import { fileSizes } from '../../report/file-sizes.ts';
import { evaluate, predictorOf } from '../evaluate.ts';
import type { RunState } from '../training-run.ts';
import { Variables } from '../variables.ts';
import type { PackingContext } from './run-packing.ts';
import { IMPORTANCE_BATCH, weightImportance } from './weight-importance.ts';

type PackedState = NonNullable<RunState['packed']>;

/** Goes on from where the run stands: the training at the rate, and the rounding behind it. */
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

/** Rounds what was trained once more, where that lowers training loss + λ·bits, and reports. */
async function end(context: PackingContext, rate: Rate, packed: PackedState): Promise<void> {
  const { run, parts, packing } = context;
  const trained = run.result();
  const tensors = run.multiples(trained.weights);
  const importance = weightImportance(
    trained,
    [...tensors.keys()].map((key) => ({ key })),
    packing.calibration_samples,
    run,
    parts,
  );
  let changed = 0;
  const lowered = new Map(
    [...tensors].map(([key, { shape, multiples, step }]) => {
      // Of samples, a gradient's square is as many times that of a batch's mean.
      const harm = importance.get(key)!.map((square) => 0.5 * IMPORTANCE_BATCH * square * step * step);
      const made = worthTheirBits(multiples, harm, shape, rate.weight);
      for (const [at, multiple] of made.entries()) if (multiple !== multiples[at]) changed++;
      return [key, { shape, multiples: made, step }] as const;
    }),
  );
  const weights: Weights = new Map(trained.weights);
  for (const [key, { shape, multiples, step }] of lowered) {
    weights.set(key, { shape, data: Float32Array.from(multiples, (multiple) => (multiple === 0 ? 0 : multiple * step)) });
  }
  const rounded = withWeights(trained, weights);
  const scores = [trained, rounded].map((document) => trainingLoss(document, context)) as [number, number];
  const [bits, bitsRounded] = [tensors, lowered].map((map) => bitsOfAll(map.values())) as [number, number];
  const kept = changed > 0 && scores[1] + rate.weight * bitsRounded < scores[0] + rate.weight * bits;
  if (kept) run.keep(weights);
  const result = kept ? rounded : trained;
  packed.report.tensors = [...(kept ? lowered : tensors)].map(([weight, { shape, multiples, step }]) => {
    const costs = codeCosts(multiples, shape);
    let largest = 0;
    for (const multiple of multiples) largest = Math.max(largest, Math.abs(multiple));
    return { weight, elements: multiples.length, zeros: costs.zeros, step, largest, bits: Math.round(costs.bits) };
  });
  const file = await espFile(result);
  packed.report.rate = {
    weight: rate.weight,
    kept: packed.rate!.kept,
    rounding: { changed, kept },
    estimated_bits: Math.round(kept ? bitsRounded : bits),
    coded_bits: file && 8 * codeBytes(file),
    esp_bytes: file?.length ?? null,
  };
}

function trainingLoss(document: ModelDocument, { run, parts: { data, training } }: PackingContext): number {
  const weights = Variables.from(document.weights);
  try {
    const predict = predictorOf(document.graph, (key) => weights.read(key), data, run.loss);
    const { losses } = evaluate(predict, document.graph, data, 'train', run.loss, training, run.checkCancelled);
    return losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
  } finally {
    weights.dispose();
  }
}

async function espFile(document: ModelDocument): Promise<Uint8Array | null> {
  return isWritable(document, 'esp') ? writeModel(document, 'esp') : null;
}
