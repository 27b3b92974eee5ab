export { spatialDropout as spatialDropout1d } from './spatial-dropout.ts';
