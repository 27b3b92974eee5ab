import { adaptivePooling } from './adaptive-pooling.ts';

export const adaptiveAveragePooling1d = adaptivePooling(1);
