import { pooling } from './pooling.ts';

export const maxPooling3d = pooling(3);
