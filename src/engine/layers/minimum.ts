import { extreme } from '../ops/extreme.ts';
import { merging } from './merging.ts';

export const minimum = merging((a, b) => extreme(a, b, 'minimum'), 'choice');
