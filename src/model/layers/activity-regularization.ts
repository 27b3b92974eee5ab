import type { LayerClass } from './layer-class.ts';
import { noise } from './noise.ts';

/** ActivityRegularization: the identity. What it adds to the loss is not applied here, of which the model's warnings tell. */
export const activityRegularization: LayerClass = { ...noise, handsOn: () => 'always' };
