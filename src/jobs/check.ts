/** What can be known before a job runs is refused with the POST, and every `auto` becomes the value in force. */
import type { DatasetFacts } from '../dataset/facts.ts';
import { Problem, type ProblemItem, received } from '../errors.ts';
import { totalMacs } from '../model/costs.ts';
import type { ModelFacts } from '../model/facts.ts';
import { readGraph } from '../model/graph.ts';
import { fewestMacs, selectableGroups } from '../pruning/allocation.ts';
import { channelMap } from '../pruning/groups.ts';
import { planFault, prunableKernels } from '../pruning/masks.ts';
import { fillDefaults } from '../schema.ts';
import { type JobSpec, type LossName, type Optimizer, type PruneSpec, Training } from './spec/index.ts';

export interface CheckedModel {
  facts: ModelFacts;
  /** The parsed `config.json`; asked for only by jobs that need the graph. */
  readConfig(): Promise<unknown>;
}

/**
 * The specification with every `auto` resolved.
 * Throws Problem: MODEL_DATASET_MISMATCH, LABELS_REQUIRED, UNKNOWN_LAYER, INCOMPATIBLE_OPTIONS, TARGET_OUT_OF_REACH, NOTHING_TO_PRUNE.
 */
export async function checkJob(spec: JobSpec, model: CheckedModel, dataset: DatasetFacts): Promise<JobSpec> {
  checkData(model.facts, dataset);
  if (spec.type === 'train') {
    if (spec.training.epochs === 0) refuse('INCOMPATIBLE_OPTIONS', '/training/epochs', 'A train job needs at least one epoch.', 0);
    return { ...spec, training: resolveTraining(spec.training, '/training', model.facts, dataset) };
  }
  const fineTuning = resolveTraining(spec.fine_tuning ?? fillDefaults(Training, { epochs: 0 }), '/fine_tuning', model.facts, dataset);
  checkPruningOptions(spec, fineTuning);
  checkLayerNames(spec, model.facts);
  checkReach(spec, await model.readConfig());
  checkSteps(spec, fineTuning, dataset);
  return { ...spec, fine_tuning: fineTuning };
}

function refuse(code: ConstructorParameters<typeof Problem>[0], pointer: string, detail: string, value: unknown): never {
  throw new Problem(code, detail, { items: [{ pointer, detail, received: received(value) }] });
}

const dimensions = (shape: readonly (number | null)[]): string => `[${shape.map((dimension) => dimension ?? 'any').join(', ')}]`;
const count = (shape: readonly (number | null)[]): number => shape.reduce<number>((product, dimension) => product * (dimension ?? 1), 1);

/** The data's samples must be what the model takes, give or take axes of length one and flattening; one input, one output. */
function checkData(model: ModelFacts, dataset: DatasetFacts): void {
  const [input] = model.inputs;
  const [output] = model.outputs;
  if (model.inputs.length !== 1 || model.outputs.length !== 1 || !input || !output) {
    refuse(
      'MODEL_DATASET_MISMATCH',
      '/model_id',
      `The model has ${model.inputs.length} inputs and ${model.outputs.length} outputs; jobs take models with one of each.`,
      [...model.inputs.map(({ name }) => name), ...model.outputs.map(({ name }) => name)],
    );
  }
  const wanted = input.shape.slice(1);
  const given = dataset.x.shape;
  const squeezed = (shape: readonly (number | null)[]): (number | null)[] => shape.filter((dimension) => dimension !== 1);
  const same =
    squeezed(wanted).length === squeezed(given).length &&
    squeezed(wanted).every((dimension, axis) => dimension === null || dimension === squeezed(given)[axis]);
  const flat = (wanted.length === 1 || given.length === 1) && !wanted.includes(null) && count(wanted) === count(given);
  if (!same && !flat) {
    refuse(
      'MODEL_DATASET_MISMATCH',
      '/dataset_id',
      `The model takes samples of shape ${dimensions(wanted)}; the data set has ${dimensions(given)}.`,
      given,
    );
  }
  if (!dataset.y) refuse('LABELS_REQUIRED', '/dataset_id', 'Training, scoring and evaluation need labels; the data set has no y.', null);
  if (dataset.splits.train === 0) refuse('MODEL_DATASET_MISMATCH', '/dataset_id', 'The data set has no training samples.', dataset.splits);
}

function resolveTraining(training: Training, pointer: string, model: ModelFacts, dataset: DatasetFacts): Training {
  const { weight_range: range, epochs } = training;
  if (range && range[0] > range[1]) {
    refuse('INCOMPATIBLE_OPTIONS', `${pointer}/weight_range`, 'The range of weights goes from low to high.', range);
  }
  if (epochs > 0 && model.trainable_parameters === 0) {
    refuse('INCOMPATIBLE_OPTIONS', `${pointer}/epochs`, 'Every layer of the model is frozen: there is nothing to train.', epochs);
  }
  return {
    ...training,
    loss: resolveLoss(training.loss, `${pointer}/loss`, model, dataset),
    optimizer: resolveOptimizer(training.optimizer, model),
  };
}

/** Keras' spellings of losses, lower case without underscores. */
const LOSS_NAMES: Record<string, LossName> = {
  sparsecategoricalcrossentropy: 'sparse_categorical_crossentropy',
  categoricalcrossentropy: 'categorical_crossentropy',
  binarycrossentropy: 'binary_crossentropy',
  meansquarederror: 'mean_squared_error',
  mse: 'mean_squared_error',
  meanabsoluteerror: 'mean_absolute_error',
  mae: 'mean_absolute_error',
  huber: 'huber',
};

function resolveLoss(loss: LossName, pointer: string, model: ModelFacts, { y }: DatasetFacts): LossName {
  const output = model.outputs[0]!;
  const shape = output.shape.slice(1);
  const labels = y!;
  const asked = loss === 'auto' ? compiledLoss(model) : loss;
  const chosen = asked ?? defaultLoss(output.activation, shape, labels);
  // Whether classes come as numbers or as one-hot rows is the data's affair: the two losses are one.
  const oneHot = labels.shape.length > 0 && count(labels.shape) === count(shape) && count(shape) > 1;
  const categorical = chosen === 'sparse_categorical_crossentropy' || chosen === 'categorical_crossentropy';
  const name: LossName = categorical ? (oneHot ? 'categorical_crossentropy' : 'sparse_categorical_crossentropy') : chosen;
  const mismatch = (need: string): never =>
    refuse(
      'MODEL_DATASET_MISMATCH',
      pointer,
      `${name} with an output of shape ${dimensions(shape)} needs ${need}; the data set's y has shape ${dimensions(labels.shape)}${labels.classes === null ? '' : ` and ${labels.classes} classes`}.`,
      {
        loss,
        y: { shape: labels.shape, classes: labels.classes },
      },
    );
  switch (name) {
    case 'sparse_categorical_crossentropy': {
      const classes = shape.at(-1) ?? 0;
      const whole = labels.classes !== null && labels.dtype !== 'float32';
      if (classes < 2 || !whole || labels.min < 0 || labels.max >= classes || count(labels.shape) !== count(shape.slice(0, -1))) {
        mismatch(`whole-number labels from 0 to ${Math.max(0, classes - 1)}`);
      }
      break;
    }
    case 'categorical_crossentropy':
      if (!oneHot) mismatch('one-hot rows of that shape');
      break;
    case 'binary_crossentropy':
      if (count(labels.shape) !== count(shape) || labels.min < 0 || labels.max > 1) mismatch('labels between 0 and 1 of that shape');
      break;
    default:
      if (count(labels.shape) !== count(shape)) mismatch('targets of that shape');
  }
  if (name.endsWith('crossentropy') && !['linear', 'softmax', 'sigmoid'].includes(output.activation ?? 'linear')) {
    refuse(
      'INCOMPATIBLE_OPTIONS',
      pointer,
      `${name} needs logits or probabilities; the model's output goes through ${output.activation}.`,
      loss,
    );
  }
  if (name.includes('categorical') && output.activation === 'sigmoid') {
    refuse(
      'INCOMPATIBLE_OPTIONS',
      pointer,
      `${name} needs a softmax or linear output; the model ends in a sigmoid. binary_crossentropy fits one-hot rows.`,
      loss,
    );
  }
  if (name === 'binary_crossentropy' && output.activation === 'softmax') {
    refuse(
      'INCOMPATIBLE_OPTIONS',
      pointer,
      `${name} needs a sigmoid or linear output; the model ends in a softmax. categorical_crossentropy fits one-hot rows.`,
      loss,
    );
  }
  return name;
}

/** The loss of the model's compile_config, or null where it has none that runs here. */
function compiledLoss(model: ModelFacts): LossName | null {
  const name = model.compile?.loss?.toLowerCase().replaceAll('_', '');
  return name === undefined ? null : (LOSS_NAMES[name] ?? null);
}

function defaultLoss(activation: string | null, shape: readonly (number | null)[], y: NonNullable<DatasetFacts['y']>): LossName {
  if (activation === 'softmax') return 'sparse_categorical_crossentropy';
  if (activation === 'sigmoid') return 'binary_crossentropy';
  return y.classes !== null && (shape.at(-1) ?? 1) >= y.classes && y.classes > 1 ? 'sparse_categorical_crossentropy' : 'mean_squared_error';
}

function resolveOptimizer(optimizer: Optimizer, model: ModelFacts): Optimizer {
  if (optimizer.type !== 'auto') return optimizer;
  const name = model.compile?.optimizer?.toLowerCase() ?? 'adam';
  const type = name === 'sgd' || name === 'adamw' || name === 'rmsprop' ? name : 'adam';
  return fillDefaults(Training.properties.optimizer, { type });
}

function checkPruningOptions({ pruning }: PruneSpec, fineTuning: Training): void {
  const { structure, target, schedule } = pruning;
  if (structure.type === 'unstructured' && !('sparsity' in target)) {
    refuse(
      'INCOMPATIBLE_OPTIONS',
      '/pruning/target',
      'unstructured pruning only makes zeros, which no runtime skips: its target is sparsity. For macs choose the structure channels.',
      target,
    );
  }
  if (structure.type === 'channels' && !('macs' in target)) {
    refuse(
      'INCOMPATIBLE_OPTIONS',
      '/pruning/target',
      'sparsity is a fraction of zeros, and channels are removed, not zeroed: the target of channels is macs.',
      target,
    );
  }
  if (schedule.type === 'polynomial') {
    if (structure.type !== 'unstructured') {
      refuse(
        'INCOMPATIBLE_OPTIONS',
        '/pruning/schedule',
        'The polynomial schedule moves masks; channels take one_shot or iterative.',
        schedule,
      );
    }
    if (schedule.begin >= schedule.end) refuse('INCOMPATIBLE_OPTIONS', '/pruning/schedule/begin', 'begin must lie before end.', schedule);
    if (fineTuning.epochs === 0) {
      refuse(
        'INCOMPATIBLE_OPTIONS',
        '/fine_tuning/epochs',
        'The polynomial schedule prunes while the model trains; it needs fine_tuning of at least one epoch.',
        0,
      );
    }
  }
  if (fineTuning.weight_range && (fineTuning.weight_range[0] > 0 || fineTuning.weight_range[1] < 0)) {
    refuse(
      'INCOMPATIBLE_OPTIONS',
      '/fine_tuning/weight_range',
      'Pruned weights are zero, so the range must contain zero.',
      fineTuning.weight_range,
    );
  }
}

function checkLayerNames({ pruning: { layers } }: PruneSpec, model: ModelFacts): void {
  const known = new Set(model.layers.map((layer) => layer.name));
  const items: ProblemItem[] = [];
  const check = (name: string, pointer: string): void => {
    if (!known.has(name))
      items.push({
        pointer,
        detail: `The model has no layer of this name. It has: ${[...known].slice(0, 50).join(', ')}.`,
        received: received(name),
      });
  };
  for (const [index, name] of (layers.include ?? []).entries()) check(name, `/pruning/layers/include/${index}`);
  for (const [index, name] of layers.exclude.entries()) check(name, `/pruning/layers/exclude/${index}`);
  for (const name of Object.keys(layers.overrides)) {
    check(name, `/pruning/layers/overrides/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`);
  }
  if (items.length > 0)
    throw new Problem('UNKNOWN_LAYER', `The model has no layer ${items.map((item) => item.received).join(', ')}.`, { items });
}

/** Whether the target can be reached at all, whatever the scores. */
function checkReach({ pruning }: PruneSpec, config: unknown): void {
  const graph = readGraph(config);
  const { target, structure, layers } = pruning;
  if (structure.type === 'unstructured') {
    const kernels = prunableKernels(graph, layers);
    if (kernels.length === 0) refuse('NOTHING_TO_PRUNE', '/pruning/layers', 'No layer with a kernel is left to prune.', layers);
    if (!('sparsity' in target)) return;
    const fault = planFault(kernels, { sparsity: target.sparsity, scope: pruning.scope, overrides: layers.overrides });
    if (fault !== null) refuse('TARGET_OUT_OF_REACH', '/pruning/target/sparsity', fault, target.sparsity);
    return;
  }
  const map = channelMap(graph);
  const groups = selectableGroups(map, layers);
  if (groups.length === 0) {
    const reasons = map.groups.map((group) => `${group.layers.join('+')}: ${group.frozen?.detail ?? 'excluded'}`);
    refuse('NOTHING_TO_PRUNE', '/pruning/layers', `No group of channels may be cut. ${reasons.join('; ')}.`, layers);
  }
  const least = fewestMacs(map, groups, { ...structure, overrides: layers.overrides }) / totalMacs(graph);
  if ('macs' in target && target.macs < least) {
    refuse(
      'TARGET_OUT_OF_REACH',
      '/pruning/target/macs',
      `With every group at its limit ${least.toFixed(4)} of the multiply-accumulates are left. Raise max_ratio, or lower min_channels or round_to.`,
      target.macs,
    );
  }
}

/** A schedule that has no room in the steps there are would end short of its target. */
function checkSteps({ pruning: { schedule } }: PruneSpec, fineTuning: Training, dataset: DatasetFacts): void {
  const steps = Math.ceil(dataset.splits.train / fineTuning.batch_size) * fineTuning.epochs;
  if (schedule.type === 'polynomial' && Math.floor(schedule.end * steps) < 1) {
    refuse(
      'TARGET_OUT_OF_REACH',
      '/pruning/schedule/end',
      `The job has ${steps} steps, so that ${schedule.end} of them is none: the schedule would never prune.`,
      schedule.end,
    );
  }
  if (schedule.type === 'iterative' && fineTuning.epochs > 0 && steps < schedule.rounds) {
    refuse('TARGET_OUT_OF_REACH', '/pruning/schedule/rounds', `The job has ${steps} steps for ${schedule.rounds} rounds.`, schedule.rounds);
  }
}
