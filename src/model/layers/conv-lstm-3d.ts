import { convLstm } from './conv-lstm.ts';

export const convLstm3d = convLstm(3);
