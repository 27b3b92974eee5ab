import { globalPooling } from './pooling.ts';

export const globalMaxPooling1d = globalPooling(1);
