import { pooling3d } from './pooling.ts';

export const maxPooling3d = pooling3d('max');
