import { attentionMacs, attentionShapes, coupleAttention, plainAttention } from './attention-shapes.ts';
import type { LayerClass } from './layer-class.ts';
import { flag } from './options.ts';

/** AdditiveAttention: scores by a weighted sum of tanh(query + key) (Bahdanau et al. 2015). */
export const additiveAttention: LayerClass = {
  ...plainAttention,
  weights: (options, inputs) =>
    flag(options, 'use_scale', true) ? [{ name: 'scale', shape: [attentionShapes(inputs).query[1]], role: 'scale' }] : [],
  couple: (options, coupling) => {
    if (flag(options, 'use_scale', true)) coupling.bind('scale', 0, coupling.inputs[0]!);
    return coupleAttention(coupling);
  },
  macs: (options, inputs) => {
    const shapes = attentionShapes(inputs);
    return attentionMacs(shapes, flag(options, 'use_scale', true) ? shapes.query[1] : 0, shapes.value[1]);
  },
};
