import { adaptivePooling } from './adaptive-pooling.ts';

export const adaptiveMaxPooling2d = adaptivePooling(2, 'max');
