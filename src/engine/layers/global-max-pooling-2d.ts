export { globalMax as globalMaxPooling2d } from './global-pooling.ts';
