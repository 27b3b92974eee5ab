/** Operations along one axis, whose result has the input's shape. */
import type { LayerClass, Options, Shape } from '../layer-class.ts';
import { sampleAxes, sampleAxis } from './axes.ts';
import { uncut } from './coupling.ts';

const checked = (otherwise: number | null): LayerClass => ({
  callTensors: ['x'],
  outputShape: (options: Options, [input]: readonly Shape[]) => {
    sampleAxis(options.axis ?? otherwise, input!.length + 1);
    return input!;
  },
  ...uncut('an operation along an axis'),
});

/** Operations along an axis by Keras' names. */
export const ALONG_AXIS = {
  'ops.Cumsum': {
    ...checked(null),
    refuse: (options) => ((options.dtype ?? null) === null ? null : { option: 'dtype', received: options.dtype, accepted: 'null' }),
  },
  'ops.LogSoftmax': checked(-1),
  'ops.Normalize': {
    ...checked(-1),
    refuse: (options) => ((options.order ?? 2) === 2 ? null : { option: 'order', received: options.order, accepted: '2' }),
    outputShape: (options, [input]) => {
      sampleAxes(options.axis ?? -1, input!.length + 1);
      return input!;
    },
  },
  'ops.Softmax': {
    ...checked(-1),
    couple: (_options, coupling) => coupling.inputs[0]!,
    activation: (options) => ((options.axis ?? -1) === -1 ? 'softmax' : 'softmax over another axis'),
  },
} as const satisfies Record<string, LayerClass>;
