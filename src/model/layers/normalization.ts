import type { LayerClass, Options, Shape } from './layer-class.ts';
import { carriesMask } from './masking.ts';
import { through } from './through.ts';

/** Whether mean and variance stand in the config; otherwise they are weights, which Keras adapts to data. */
export function givenStatistics(options: Options): boolean {
  return options.mean !== null && options.mean !== undefined;
}

/** One mean a channel, or one for all. Throws an Error where the axis is neither the last nor left out. */
function statisticShape(options: Options, shape: Shape): number[] {
  const given: unknown = options.axis ?? [];
  const axes: unknown[] = Array.isArray(given) ? given : [given];
  const [axis] = axes;
  if (axes.length === 0) return [];
  if (axes.length > 1 || (axis !== -1 && axis !== shape.length)) {
    throw new Error(`axis is ${JSON.stringify(given)}; it must be the last axis (-1 or ${shape.length}), or null`);
  }
  if (shape.at(-1) === null) throw new Error('the last axis of the input must have a fixed size');
  return [shape.at(-1) as number];
}

/** Normalization: by a mean and a variance that training leaves alone; with `invert` the other way round. */
export const normalization: LayerClass = {
  ...through,
  ...carriesMask,
  refuse: (options) => {
    if (!givenStatistics(options)) return null;
    for (const option of ['mean', 'variance']) {
      const numbers = [options[option]].flat(16);
      if (!numbers.every((item) => typeof item === 'number')) return { option, received: options[option], accepted: 'numbers' };
    }
    return null;
  },
  outputShape: (options, [input]) => {
    const [channels] = statisticShape(options, input!);
    for (const option of givenStatistics(options) ? ['mean', 'variance'] : []) {
      const { length } = [options[option]].flat(16);
      if (length !== 1 && length !== channels)
        throw new Error(`${option} lists ${length} numbers; one, or one for each channel, is needed`);
    }
    return input!;
  },
  weights: (options, [input]) => {
    if (givenStatistics(options)) return [];
    const shape = statisticShape(options, input!);
    return [
      { name: 'mean', shape, role: 'statistic' },
      { name: 'variance', shape, role: 'statistic' },
      // How many samples they are of; nothing here reads it.
      { name: 'count', shape: [], role: 'statistic', stored: 'int64' },
    ];
  },
  couple: (options, coupling) => {
    const units = coupling.inputs[0]!;
    if (statisticShape(options, coupling.inputShapes[0]!).length === 0) return units;
    if (givenStatistics(options)) coupling.freeze(units, 'UNFOLLOWED_LAYER', 'a Normalization lists a number for every channel');
    else for (const weight of ['mean', 'variance']) coupling.bind(weight, 0, units);
    return units;
  },
};
