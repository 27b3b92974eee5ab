import { spatialDropout } from './spatial-dropout.ts';

export const spatialDropout3d = spatialDropout(3);
