import { pooling3d } from './pooling.ts';

export const averagePooling3d = pooling3d('average');
