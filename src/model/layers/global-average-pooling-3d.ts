import { globalPooling } from './pooling.ts';

export const globalAveragePooling3d = globalPooling(3);
