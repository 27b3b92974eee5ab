import { globalPooling } from './pooling.ts';

export const globalMaxPooling2d = globalPooling(2);
