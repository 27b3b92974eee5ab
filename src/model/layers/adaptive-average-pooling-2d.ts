import { adaptivePooling } from './adaptive-pooling.ts';

export const adaptiveAveragePooling2d = adaptivePooling(2);
