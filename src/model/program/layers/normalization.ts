import { normalisedAxis } from '../../layers/batch-normalization.ts';
import { normalisedGroups } from '../../layers/group-normalization.ts';
import { normalisedAxes } from '../../layers/normalised-axes.ts';
import { givenStatistics } from '../../layers/normalization.ts';
import { number } from '../../layers/options.ts';
import { constant, type ProgramBuilder } from '../builder.ts';
import type { Lowering } from '../lowering.ts';
import type { Value } from '../program.ts';
import { sampleShape } from './sample.ts';

/** Scale and offset are made of the statistics here, in float64. */
export const batchNormalization: Lowering = (b, { options, inputs: [x], weights }) => {
  const axis = normalisedAxis(options, sampleShape(x!)) + 1;
  const epsilon = number(options, 'epsilon', 1e-3);
  const mean = weights.moving_mean!.data;
  const scale = Float64Array.from(weights.moving_variance!.data, (variance, channel) => {
    return (weights.gamma?.data[channel] ?? 1) / Math.sqrt(variance + epsilon);
  });
  const offset = Float32Array.from(scale, (factor, channel) => (weights.beta?.data[channel] ?? 0) - mean[channel]! * factor);
  const shape = [scale.length, ...x!.shape.slice(axis + 1).map(() => 1)];
  return b.add(b.mul(x!, constant(Float32Array.from(scale), shape)), constant(offset, shape));
};

/** (x - mean) / √(variance + ε) over the axes. */
function standardised(b: ProgramBuilder, x: Value, axes: readonly number[], epsilon: number): Value {
  const centred = b.sub(x, b.reduce('mean', x, axes));
  const variance = b.reduce('mean', b.mul(centred, centred), axes);
  return b.div(centred, b.unary('sqrt', b.add(variance, epsilon)));
}

/** x times gamma plus beta, where they are given; both have the lengths of these axes of x. */
function scaledAndShifted(b: ProgramBuilder, x: Value, axes: readonly number[], gamma?: Value, beta?: Value): Value {
  const spread = (weight: Value): Value =>
    b.reshape(
      weight,
      x.shape.slice(Math.min(...axes)).map((length, at) => (axes.includes(at + Math.min(...axes)) ? length : 1)),
    );
  const scaled = gamma ? b.mul(x, spread(gamma)) : x;
  return beta ? b.add(scaled, spread(beta)) : scaled;
}

export const layerNormalization: Lowering = (b, { options, inputs: [x], weights: { gamma, beta } }) => {
  const axes = normalisedAxes(options, x!.shape.length - 1).map((axis) => axis + 1);
  const standard = standardised(b, x!, axes, number(options, 'epsilon', 1e-3));
  return scaledAndShifted(b, standard, axes, gamma && b.weight(gamma), beta && b.weight(beta));
};

export const rmsNormalization: Lowering = (b, { options, inputs: [x], weights: { scale } }) => {
  const axes = normalisedAxes(options, x!.shape.length - 1).map((axis) => axis + 1);
  const mean = b.reduce('mean', b.mul(x!, x!), axes);
  const standard = b.div(x!, b.unary('sqrt', b.add(mean, number(options, 'epsilon', 1e-6))));
  return scaledAndShifted(b, standard, axes, scale && b.weight(scale));
};

export const groupNormalization: Lowering = (b, { options, inputs: [x], weights: { gamma, beta } }) => {
  const channels = x!.shape.at(-1) as number;
  const groups = normalisedGroups(options, channels);
  const last = x!.shape.length - 1;
  const grouped = b.reshape(x!, [...x!.shape.slice(0, -1), groups, channels / groups]);
  const places = x!.shape.slice(1, -1).map((_length, axis) => axis + 1);
  const standard = standardised(b, grouped, [...places, last + 1], number(options, 'epsilon', 1e-3));
  return scaledAndShifted(b, b.reshape(standard, x!.shape), [last], gamma && b.weight(gamma), beta && b.weight(beta));
};

/** x / max(‖x‖, `least`) over the axes. */
export function divideByLength(b: ProgramBuilder, x: Value, axes: readonly number[], least = 1e-12): Value {
  const squares = b.reduce('sum', b.mul(x, x), axes);
  return b.div(x, b.binary('max', b.unary('sqrt', squares), least));
}

export const unitNormalization: Lowering = (b, { options, inputs: [x] }) =>
  divideByLength(
    b,
    x!,
    normalisedAxes(options, x!.shape.length - 1).map((axis) => axis + 1),
  );

/** Keras' least standard deviation. */
const LEAST = 1e-7;

export const normalization: Lowering = (b, { options, inputs: [x], weights }) => {
  const given = givenStatistics(options);
  const numbers = (name: 'mean' | 'variance'): number[] => (given ? ([options[name]].flat(16) as number[]) : [...weights[name]!.data]);
  const value = (data: number[]): Value => constant(Float32Array.from(data), data.length === 1 ? [] : [data.length]);
  const mean = value(numbers('mean'));
  const deviation = value(numbers('variance').map((variance) => Math.max(Math.sqrt(variance), LEAST)));
  return options.invert === true ? b.add(b.mul(x!, deviation), mean) : b.div(b.sub(x!, mean), deviation);
};
