import type { LayerClass } from './layer-class.ts';
import { through } from './through.ts';

/** What the layers share that change images at random in training alone: the identity in predictions. Jobs that train have augmentations of their own. */
export const randomImages: LayerClass = {
  ...through,
  keepsValues: () => true,
  handsOn: () => 'outside training',
  checkMasks: () => {
    throw new Error('an input has a mask, which Keras keeps behind this layer outside training and drops in training');
  },
  refuseTraining: () =>
    'it changes images at random in training, in a way that is not run; leave it out of the model and give the job an augmentation',
};
