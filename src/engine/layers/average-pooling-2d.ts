import { pooling } from './pooling.ts';

export const averagePooling2d = pooling(2, 'average');
