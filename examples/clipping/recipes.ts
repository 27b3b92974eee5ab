/** The demonstration's jobs, as they are posted (model_id and dataset_id are filled in there). */
export const RULES: Record<string, Record<string, unknown>> = {
  none: { type: 'none' },
  global_norm: { type: 'global_norm', max_norm: 1.0 },
  value: { type: 'value', clip_value: 0.1 },
  agc: { type: 'agc', clip_factor: 0.05 },
  autoclip: { type: 'autoclip' },
  zclip: { type: 'zclip' },
};

/** SGD at a rate at which this network's gradients explode unless they are clipped. */
export function trainJob(clipping: Record<string, unknown>, seed: number): Record<string, unknown> {
  return {
    type: 'train',
    seed,
    training: {
      epochs: 100,
      max_steps: 2000,
      batch_size: 64,
      loss: 'mean_squared_error',
      optimizer: { type: 'sgd', learning_rate: 0.15 },
      clipping,
    },
  };
}
