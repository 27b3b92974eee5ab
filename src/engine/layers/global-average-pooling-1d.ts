export { globalAverage as globalAveragePooling1d } from './global-pooling.ts';
