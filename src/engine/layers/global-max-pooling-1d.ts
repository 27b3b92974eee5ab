export { globalMax as globalMaxPooling1d } from './global-pooling.ts';
