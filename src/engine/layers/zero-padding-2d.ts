import { zeroPadding } from './sides.ts';

export const zeroPadding2d = zeroPadding(2);
