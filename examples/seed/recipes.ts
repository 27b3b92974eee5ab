/** The seed's two jobs, as they are posted (model_id and dataset_id are filled in there). */
const training = {
  epochs: 20,
  batch_size: 32,
  loss: 'mean_squared_error',
  optimizer: { type: 'adam', learning_rate: 0.01 },
  clipping: { type: 'global_norm', max_norm: 1.0 },
};

export const TRAIN = { type: 'train', training };

export const PRUNE = {
  type: 'prune',
  pruning: {
    criterion: { type: 'gradient' },
    structure: { type: 'unstructured' },
    target: { sparsity: 0.5 },
    schedule: { type: 'one_shot' },
  },
  fine_tuning: training,
};
