import { zeroPadding } from './sides.ts';

export const zeroPadding3d = zeroPadding(3);
