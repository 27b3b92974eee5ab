import { adaptivePooling } from './adaptive-pooling.ts';

export const adaptiveAveragePooling3d = adaptivePooling(3);
