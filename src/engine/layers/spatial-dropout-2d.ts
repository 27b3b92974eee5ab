export { spatialDropout as spatialDropout2d } from './spatial-dropout.ts';
