import { codeOf } from '../../model/layers/category-codes.ts';
import { integer } from '../../model/layers/options.ts';
import { coded } from './category-codes.ts';
import type { Execution } from './execution.ts';

export const categoryEncoding: Execution = ({ options, inputs: [x] }) =>
  coded(x!, codeOf(options, 'multi_hot'), integer(options, 'num_tokens'));
