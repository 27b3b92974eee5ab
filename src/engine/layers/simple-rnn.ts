import { cellsOf } from '../../model/layers/simple-rnn.ts';
import { recurrent } from './recurrent.ts';

export const simpleRNN = recurrent(cellsOf);
