/** The jobs of bench/kills.ts: together they have every kind of state that a checkpoint must carry. */
export interface KilledJob {
  name: string;
  network: 'convolutional' | 'recurrent';
  spec: Record<string, unknown>;
}

const training = (steps: number, options: Record<string, unknown>) => ({
  epochs: 1000,
  max_steps: steps,
  batch_size: 128,
  layer_norms_every: 50,
  ...options,
});
const train = (steps: number, options: Record<string, unknown>) => ({ type: 'train', seed: 5, training: training(steps, options) });

export const KILLED_JOBS: readonly KilledJob[] = [
  {
    name: 'adam, global_norm, dropout, batch normalisation, cosine',
    network: 'convolutional',
    spec: train(1600, {
      optimizer: { type: 'adam' },
      clipping: { type: 'global_norm', max_norm: 1, warmup: { steps: 800 } },
      learning_rate_schedule: { type: 'cosine', warmup_steps: 100 },
    }),
  },
  {
    name: 'sgd nesterov, agc, averages',
    network: 'convolutional',
    spec: train(1600, {
      optimizer: { type: 'sgd', learning_rate: 0.05, momentum: 0.9, nesterov: true },
      clipping: { type: 'agc', clip_factor: 0.05 },
      ema: { momentum: 0.99 },
    }),
  },
  {
    name: 'adamw, autoclip, augmentation, early stopping with the best restored',
    network: 'convolutional',
    spec: train(1400, {
      optimizer: { type: 'adamw' },
      clipping: { type: 'autoclip' },
      augmentation: [{ type: 'shift' }, { type: 'noise', stddev: 0.05 }],
      early_stopping: { metric: 'val_loss', patience: 1000 },
    }),
  },
  {
    name: 'rmsprop, zclip, accumulation',
    network: 'convolutional',
    spec: train(900, { optimizer: { type: 'rmsprop', momentum: 0.5 }, clipping: { type: 'zclip' }, micro_batch_size: 48 }),
  },
  {
    name: 'lion, value with groups, class weights, weight range',
    network: 'convolutional',
    spec: train(1600, {
      optimizer: { type: 'lion', learning_rate: 0.0003 },
      clipping: { type: 'value', clip_value: 0.01, groups: [{ layers: 'conv*', threshold: 0.1 }] },
      class_weights: 'balanced',
      weight_range: [-0.5, 0.5],
    }),
  },
  {
    name: 'prune: polynomial masks, adagrad, norm',
    network: 'convolutional',
    spec: {
      type: 'prune',
      seed: 5,
      pruning: {
        criterion: { type: 'magnitude' },
        target: { sparsity: 0.8 },
        schedule: { type: 'polynomial', every_steps: 50 },
      },
      fine_tuning: training(1600, { optimizer: { type: 'adagrad' }, clipping: { type: 'norm', max_norm: 0.5 } }),
    },
  },
  {
    name: 'recurrent network with dropout, adam, label smoothing',
    network: 'recurrent',
    spec: train(400, { optimizer: { type: 'adam' }, clipping: { type: 'global_norm', max_norm: 1 }, label_smoothing: 0.1 }),
  },
];
