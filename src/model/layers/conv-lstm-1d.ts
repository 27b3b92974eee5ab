import { convLstm } from './conv-lstm.ts';

export const convLstm1d = convLstm(1);
