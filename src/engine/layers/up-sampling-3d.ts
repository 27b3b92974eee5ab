import { upSampling } from './up-sampling.ts';

export const upSampling3d = upSampling(3);
