import { globalPooling } from './pooling.ts';

export const globalAveragePooling2d = globalPooling(2);
