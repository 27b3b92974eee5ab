/** The jobs of the demo, as they are posted (model_id and dataset_id are filled in there). */
export interface Network {
  title: string;
  /** In this folder, trained in stock Keras by train_lenets.py. */
  file: string;
  train: Record<string, unknown>;
  prune: Record<string, unknown>;
  /** The file name of the smaller model. */
  result: string;
}

const clipping = { type: 'global_norm', max_norm: 1.0 };
const learning_rate_schedule = { type: 'cosine' };

export const NETWORKS: readonly Network[] = [
  {
    title: 'LeNet-300-100: 90 % zeros',
    file: 'lenet_300_100.keras',
    train: {
      type: 'train',
      training: {
        epochs: 6,
        batch_size: 128,
        optimizer: { type: 'adamw', learning_rate: 0.002, weight_decay: 0.02 },
        learning_rate_schedule,
        clipping,
      },
    },
    prune: {
      type: 'prune',
      pruning: {
        criterion: { type: 'magnitude' },
        structure: { type: 'unstructured' },
        scope: 'global',
        target: { sparsity: 0.9 },
        schedule: { type: 'polynomial', end: 0.5 },
      },
      fine_tuning: {
        epochs: 10,
        batch_size: 128,
        optimizer: { type: 'adamw', learning_rate: 0.004, weight_decay: 0.1 },
        learning_rate_schedule,
        clipping: { type: 'global_norm', max_norm: 0.5 },
      },
    },
    result: 'lenet_300_100_sparse.keras',
  },
  {
    title: 'LeNet-5: half of the multiply-accumulates, as whole channels',
    file: 'lenet_5.keras',
    train: {
      type: 'train',
      training: {
        epochs: 1,
        batch_size: 128,
        optimizer: { type: 'adamw', learning_rate: 0.002, weight_decay: 0.02 },
        learning_rate_schedule,
        clipping,
      },
    },
    prune: {
      type: 'prune',
      pruning: {
        criterion: { type: 'taylor' },
        structure: { type: 'channels' },
        scope: 'global',
        target: { macs: 0.5 },
        schedule: { type: 'iterative', rounds: 3 },
      },
      fine_tuning: {
        epochs: 4,
        batch_size: 128,
        optimizer: { type: 'adamw', learning_rate: 0.002, weight_decay: 0.02 },
        learning_rate_schedule,
        clipping,
      },
    },
    result: 'lenet_5_half.keras',
  },
];
