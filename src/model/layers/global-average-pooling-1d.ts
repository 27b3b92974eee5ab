import { globalPooling } from './pooling.ts';

export const globalAveragePooling1d = globalPooling(1);
