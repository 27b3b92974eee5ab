/** What the recipe `smallest` sets, in one place: a posted body with everything else that the job needs. */
import type { OutputFormat } from '../../model/facts.ts';
import { smallestBound } from '../../report/paired-drop.ts';

type Json = Record<string, unknown>;

/** What it has to know of the model and the data set. */
export interface RecipeModel {
  parameters: number;
  /** Of the parameters, what is left when every channel goes that may; null where none may. */
  least: number | null;
  /** Whether units of every group can be scored by their gates. */
  gated: boolean;
  /** What the model can be written as. */
  formats: readonly OutputFormat[];
  /** Samples of the selection split. */
  selection: number;
}

/** Half a point. */
const ACCURACY_DROP = 0.005;
/** A drop that can only just be shown is no target: what is asked for unasked is so many times larger at least. */
const SHOWN = 3;
/** Of the accuracy that may go, what the removal of channels may take before what is left is trained. */
const REMOVAL_SHARE = 0.5;
/** Weights for each byte of the file: three for each bit. Most of them become zero, and more would only take longer. */
const WEIGHTS_PER_BYTE = 24;

const REMOVAL = { trials: 5, trial_epochs: 2 };
const EPOCHS = 20;
const FINE_TUNING = {
  epochs: EPOCHS,
  batch_size: 128,
  optimizer: { type: 'adam', learning_rate: 0.002 },
  learning_rate_schedule: { type: 'cosine', final_fraction: 0.01 },
  clipping: { type: 'global_norm', max_norm: 2 },
};
const DISTILLATION = { temperature: 2, weight: 0.6 };

/**
 * The body with what the recipe says where the caller does not, before defaults are filled; what is given stays as it is. `null` counts as left out where it
 * is what a job without a recipe has.
 */
export function smallest(body: Json, model: RecipeModel): Json {
  const given = (name: string): Json => (body[name] ?? {}) as Json;
  const [target, fineTuning, packing, output] = [given('target'), given('fine_tuning'), given('packing'), given('output')];
  const budget = 'max_bytes' in target || 'max_accuracy_drop' in target ? {} : { max_accuracy_drop: defaultDrop(model) };
  const { epochs = EPOCHS, distillation = {} } = fineTuning;
  return {
    ...body,
    target: { ...budget, ...target },
    pruning: { ...removal({ ...budget, ...target }, Number(epochs), model), ...given('pruning') },
    fine_tuning: { ...FINE_TUNING, ...fineTuning, distillation: distillation && { ...DISTILLATION, ...(distillation as Json) } },
    packing: { ...packing, rate: packing.rate === undefined ? {} : packing.rate },
    output: { ...output, formats: output.formats ?? (['keras', 'esp'] as const).filter((format) => model.formats.includes(format)) },
  };
}

function defaultDrop({ selection }: RecipeModel): number {
  return Math.max(ACCURACY_DROP, Math.min(1, Math.ceil(1e4 * SHOWN * smallestBound(selection)) / 1e4));
}

/** What is removed before anything is trained: by bytes to a width, else as far as goes with a part of the accuracy. */
function removal({ max_bytes: bytes, max_accuracy_drop: drop }: Json, epochs: number, { parameters, least, gated }: RecipeModel): Json {
  if (least === null) return { criterion: { type: 'magnitude' }, structure: { type: 'unstructured' }, target: { sparsity: 0 } };
  const how = { criterion: { type: gated ? 'taylor' : 'magnitude' }, structure: { type: 'channels' } };
  if (typeof bytes === 'number') {
    return { ...how, target: { parameters: Math.max(least, Math.min(1, (WEIGHTS_PER_BYTE * bytes) / parameters)) } };
  }
  const { trials, trial_epochs } = REMOVAL;
  return {
    ...how,
    target: {
      max_accuracy_drop: REMOVAL_SHARE * Number(drop),
      measure: 'parameters',
      trials,
      trial_epochs: Math.min(trial_epochs, epochs),
    },
  };
}
