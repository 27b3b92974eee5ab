import type { AttentionShapes } from './attention-shapes.ts';
import type { LayerClass, Options } from './layer-class.ts';
import { type Heads, headedAttention } from './multi-head-attention.ts';
import { integer } from './options.ts';

/** GroupQueryAttention (Ainslie et al. 2023): several heads of the query share a head of key and value. */
export const groupQueryAttention: LayerClass = { ...headedAttention(headsOf, '_'), folderClass: 'GroupedQueryAttention' };

export function headsOf(options: Options, shapes: AttentionShapes): Heads {
  const heads = integer(options, 'num_query_heads');
  const keyHeads = integer(options, 'num_key_value_heads');
  if (heads % keyHeads !== 0) throw new Error(`num_query_heads is ${heads}; it must be a multiple of num_key_value_heads, ${keyHeads}`);
  const dim = integer(options, 'head_dim');
  return { heads, keyHeads, keyDim: dim, valueDim: dim, output: [shapes.query[1]] };
}
