import { spatialDropout } from './spatial-dropout.ts';

export const spatialDropout1d = spatialDropout(1);
