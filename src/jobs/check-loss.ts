/** Which loss a training has, and whether model and labels fit it. */
import type { DatasetFacts } from '../dataset/facts.ts';
import type { ModelFacts } from '../model/facts.ts';
import { count, dimensions, refuse } from './refuse.ts';
import type { LossName } from './spec/index.ts';

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
  cosinesimilarity: 'cosine_similarity',
  kldivergence: 'kl_divergence',
  kullbackleiblerdivergence: 'kl_divergence',
  kld: 'kl_divergence',
};

type Labels = NonNullable<DatasetFacts['y']>;

/** The loss in force. Throws Problem MODEL_DATASET_MISMATCH and INCOMPATIBLE_OPTIONS where it fits neither output nor labels. */
export function resolveLoss(loss: LossName, pointer: string, model: ModelFacts, { y }: DatasetFacts): LossName {
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
      `${name} with an output of shape ${dimensions(shape)} needs ${need}; the data set's y ${described(labels)}.`,
      {
        loss,
        y: { shape: labels.shape, classes: labels.classes },
      },
    );
  switch (name) {
    case 'sparse_categorical_crossentropy':
      if (!arePositions(labels, shape)) {
        const classes = shape.at(-1) ?? 0;
        const rows = classes < 2 ? '' : `, or one-hot rows of shape ${dimensions(shape)}`;
        mismatch(`whole-number labels from 0 to ${Math.max(0, classes - 1)} of shape ${dimensions(shape.slice(0, -1))}${rows}`);
      }
      break;
    case 'categorical_crossentropy':
      if (!oneHot) mismatch('one-hot rows of that shape');
      break;
    case 'binary_crossentropy':
      if (count(labels.shape) !== count(shape) || labels.min < 0 || labels.max > 1) mismatch('labels between 0 and 1 of that shape');
      break;
    default:
      // Class numbers become one-hot rows.
      if (count(labels.shape) !== count(shape) && !(labels.shape.length === 0 && labels.classes === count(shape))) {
        mismatch('targets of that shape, or as many classes');
      }
  }
  if (name === 'kl_divergence' && output.activation !== 'softmax' && output.activation !== 'sigmoid') {
    refuse(
      'INCOMPATIBLE_OPTIONS',
      pointer,
      `${name} compares probabilities; the model's output goes through ${output.activation ?? 'no activation'}.`,
      loss,
    );
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

/** Whether y is a class for each position of an output of this shape, whose last axis is the classes: none for a single class, one for a sequence. */
function arePositions(y: Labels, shape: readonly (number | null)[]): boolean {
  const classes = shape.at(-1) ?? 0;
  // Classes that were found in the data are whole: numbers, or rows of 0s and 1s.
  const whole = y.classes !== null || y.whole === true;
  return classes > 1 && whole && y.min >= 0 && y.max < classes && count(y.shape) === count(shape.slice(0, -1));
}

/** What is known of labels, in words. */
function described({ shape, classes, min, max, whole }: Labels): string {
  const kind =
    classes !== null
      ? `${classes} classes`
      : `${whole === true ? 'whole numbers' : whole === false ? 'numbers, not all whole,' : 'numbers'} from ${min} to ${max}`;
  // Of a data set that was stored before it was asked.
  const unknown =
    classes === null && whole === undefined && shape.length > 0
      ? ' (whether they are whole is known of data sets that are uploaded anew)'
      : '';
  return `has shape ${dimensions(shape)} and ${kind}${unknown}`;
}

/** The loss of the model's compile_config, or null where it has none that runs here. */
export function compiledLoss({ compile }: Pick<ModelFacts, 'compile'>): LossName | null {
  const name = compile?.loss?.toLowerCase().replaceAll('_', '');
  return name === undefined ? null : (LOSS_NAMES[name] ?? null);
}

function defaultLoss(activation: string | null, shape: readonly (number | null)[], y: Labels): LossName {
  if (activation === 'softmax') return 'sparse_categorical_crossentropy';
  if (activation === 'sigmoid') return 'binary_crossentropy';
  if (y.shape.length > 0 && arePositions(y, shape)) return 'sparse_categorical_crossentropy';
  return y.classes !== null && (shape.at(-1) ?? 1) >= y.classes && y.classes > 1 ? 'sparse_categorical_crossentropy' : 'mean_squared_error';
}
