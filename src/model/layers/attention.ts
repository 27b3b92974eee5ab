import { attentionMacs, attentionShapes, plainAttention } from './attention-shapes.ts';
import type { LayerClass } from './layer-class.ts';
import { flag } from './options.ts';

/** Attention: scores by the dot product of query and key, or by a sum of tanh(query + key). */
export const attention: LayerClass = {
  ...plainAttention,
  weights: (options) => [
    ...(flag(options, 'use_scale', false) ? [{ name: 'scale', shape: [], role: 'scale' } as const] : []),
    ...(options.score_mode === 'concat' ? [{ name: 'concat_score_weight', shape: [], role: 'scale' } as const] : []),
  ],
  // The sum of tanh(query + key) multiplies nothing.
  macs: (options, inputs) => {
    const shapes = attentionShapes(inputs);
    return attentionMacs(shapes, options.score_mode === 'concat' ? 0 : shapes.query[1], shapes.value[1]);
  },
};
