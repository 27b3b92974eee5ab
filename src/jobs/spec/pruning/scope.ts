import type { Static } from 'typebox';
import { choice } from '../../../schema.ts';

export const Scope = choice(['auto', 'layer', 'global', 'erk', 'isomorphic'], {
  description:
    'What scores are compared with. layer: every layer gives the same fraction. global: the whole model. erk: each layer gives by its shape (Evci 2020), weights only. isomorphic: groups of units of the same build, channels only. auto: the widest that the criterion and the structure allow, which the stored job names.',
});
export type Scope = Static<typeof Scope>;
