import { zeroPadding } from './sides.ts';

export const zeroPadding1d = zeroPadding(1);
