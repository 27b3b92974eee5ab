import type { Static } from 'typebox';
import { choice } from '../../../schema.ts';

export const Scope = choice(['layer', 'global'], { description: 'Whether scores are compared within a layer or over the whole model.' });
export type Scope = Static<typeof Scope>;
