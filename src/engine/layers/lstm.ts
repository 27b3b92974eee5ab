import { cellsOf } from '../../model/layers/lstm.ts';
import { recurrent } from './recurrent.ts';

export const lstm = recurrent(cellsOf);
