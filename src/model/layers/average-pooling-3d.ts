import { pooling } from './pooling.ts';

export const averagePooling3d = pooling(3);
