import { castKind } from '../../../model/layers/operations/cast.ts';
import { compare } from '../../ops/detached.ts';
import { tf } from '../../tensorflow.ts';
import { numbers } from '../arithmetic.ts';
import type { Execution } from '../execution.ts';
import { truncated } from './elementwise.ts';

export const cast: Execution = ({ options, inputs: [x] }) => {
  switch (castKind(options)) {
    case 'bool':
      return x!.dtype === 'bool' ? x! : compare('NotEqual', x!, tf.scalar(0));
    case 'whole':
      return x!.dtype === 'bool' ? numbers(x!) : truncated(x!);
    default:
      return numbers(x!);
  }
};
