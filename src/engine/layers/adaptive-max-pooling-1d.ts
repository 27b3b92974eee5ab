import { adaptivePooling } from './adaptive-pooling.ts';

export const adaptiveMaxPooling1d = adaptivePooling(1, 'max');
