export { globalAverage as globalAveragePooling3d } from './global-pooling.ts';
