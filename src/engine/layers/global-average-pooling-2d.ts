export { globalAverage as globalAveragePooling2d } from './global-pooling.ts';
