import { headsOf } from '../../model/layers/group-query-attention.ts';
import { headedAttention } from './multi-head-attention.ts';

export const groupQueryAttention = headedAttention(headsOf);
