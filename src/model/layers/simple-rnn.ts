import type { Options } from './layer-class.ts';
import { type Cell, recurrent } from './recurrent.ts';

/** SimpleRNN: kernel [features, units], recurrent kernel [units, units]. */
export const simpleRNN = recurrent(cellsOf);

export function cellsOf(options: Options): Cell[] {
  return [{ className: 'SimpleRNNCell', options, prefix: '', store: 'cell', path: [] }];
}
