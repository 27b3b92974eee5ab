import { activationName } from '../../model/layers/options.ts';
import { activate } from './activations.ts';
import type { Execution } from './execution.ts';

export const activation: Execution = ({ options, inputs: [x] }) => activate(x!, activationName(options));
