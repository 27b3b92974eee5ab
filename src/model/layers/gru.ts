import type { Options } from './layer-class.ts';
import { type Cell, recurrent } from './recurrent.ts';

/** GRU: kernel [features, 3 · units] and recurrent kernel [units, 3 · units] with the gates z, r, h side by side. */
export const gru = recurrent(cellsOf);

export function cellsOf(options: Options): Cell[] {
  return [{ className: 'GRUCell', options, prefix: '', store: 'cell', path: [] }];
}
