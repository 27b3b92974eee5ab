export { spatialDropout as spatialDropout3d } from './spatial-dropout.ts';
