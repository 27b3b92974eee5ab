import { cellsOf } from '../../model/layers/gru.ts';
import { recurrent } from './recurrent.ts';

export const gru = recurrent(cellsOf);
