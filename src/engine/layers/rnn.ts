import { cellsOf } from '../../model/layers/rnn.ts';
import { recurrent } from './recurrent.ts';

export const rnn = recurrent(cellsOf);
