import { pooling } from './pooling.ts';

export const averagePooling1d = pooling(1, 'average');
