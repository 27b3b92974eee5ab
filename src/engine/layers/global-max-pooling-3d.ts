export { globalMax as globalMaxPooling3d } from './global-pooling.ts';
