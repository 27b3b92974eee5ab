import type { Options } from './layer-class.ts';
import { type Cell, recurrent } from './recurrent.ts';

/** LSTM: kernel [features, 4 · units] and recurrent kernel [units, 4 · units] with the gates i, f, c, o side by side. */
export const lstm = recurrent(cellsOf);

export function cellsOf(options: Options): Cell[] {
  return [{ className: 'LSTMCell', options, prefix: '', store: 'cell', path: [] }];
}
