import { globalPooling } from './pooling.ts';

export const globalMaxPooling3d = globalPooling(3);
