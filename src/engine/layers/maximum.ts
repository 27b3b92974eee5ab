import { extreme } from '../ops/extreme.ts';
import { merging } from './merging.ts';

export const maximum = merging((a, b) => extreme(a, b, 'maximum'), 'choice');
