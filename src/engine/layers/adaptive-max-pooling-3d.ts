import { adaptivePooling } from './adaptive-pooling.ts';

export const adaptiveMaxPooling3d = adaptivePooling(3, 'max');
