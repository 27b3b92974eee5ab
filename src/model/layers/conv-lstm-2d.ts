import { convLstm } from './conv-lstm.ts';

export const convLstm2d = convLstm(2);
