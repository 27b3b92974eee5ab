/** What criteria ask of the engine, against slow float64 computations of the same from its definition. */
import { describe, expect, it } from 'vitest';
import { epochOrder } from '../../src/dataset/batches.ts';
import { forward } from '../../src/engine/network.ts';
import { activationMoments } from '../../src/engine/pruning/statistics/activations.ts';
import type { Calibration } from '../../src/engine/pruning/statistics/calibration.ts';
import { contributions } from '../../src/engine/pruning/statistics/contributions.ts';
import { forEachProducts, inputNorms, inverseHessian } from '../../src/engine/pruning/statistics/input-moments.ts';
import { inverseFisher } from '../../src/engine/pruning/statistics/inverse-fisher.ts';
import { forEachInputs } from '../../src/engine/pruning/statistics/kernel-inputs.ts';
import { hessianGradient } from '../../src/engine/pruning/statistics/loss-gradients.ts';
import { readActivity } from '../../src/engine/pruning/statistics/read-activity.ts';
import { synapticFlow } from '../../src/engine/pruning/statistics/synaptic-flow.ts';
import { tf } from '../../src/engine/tensorflow.ts';
import type { ModelDocument } from '../../src/model/document.ts';
import { weightKey } from '../../src/model/graph.ts';
import { channelMap } from '../../src/pruning/groups.ts';
import { asMatrix, inputCount, matrixOrder, prunableKernels, unitCount } from '../../src/pruning/kernels.ts';
import { calibrationOn } from '../helpers/calibration.ts';
import { datasetOf } from '../helpers/datasets.ts';
import {
  batchNormalization,
  type Config,
  conv2d,
  dense,
  documentOf,
  flatten,
  functional,
  type LayerEntry,
  layer,
  randomFill,
  sequential,
} from '../helpers/documents.ts';
import { drawn } from '../helpers/engine.ts';
import { expectClose } from '../helpers/numbers.ts';

const [SAMPLES, SEED] = [22, 11];

function setUp(config: Config, shape: number[], changes: Partial<Calibration> = {}, fill = randomFill(6)) {
  const document: ModelDocument = documentOf(config, fill);
  const outputs = document.graph.outputs[0]!.shape as number[];
  const x = drawn([SAMPLES, ...shape], 'x');
  const y = drawn([SAMPLES, ...outputs], 'y');
  const calibration = calibrationOn(document, datasetOf(x, y), SEED, changes);
  return { document, calibration, weights: calibration.weights, x, y };
}

/** The values of a tensor between layers for all samples, in one batch: float32 [n, ...]. */
function valuesOf({ document, weights, x }: ReturnType<typeof setUp>, name: string): { shape: number[]; data: Float32Array } {
  return tf.tidy(() => {
    const tensor = document.graph.calls.find((call) => call.layer.name === name)!.output;
    let found: { shape: number[]; data: Float32Array } | null = null;
    forward(document.graph, (key) => weights.read(key), [tf.tensor(x.data.slice(), x.shape)], {
      training: false,
      tap: (at, value) => {
        if (at === tensor) found = { shape: value.shape, data: value.dataSync<'float32'>() };
        return value;
      },
    });
    return found!;
  }) as unknown as { shape: number[]; data: Float32Array };
}

const same = { padding: 'same', use_bias: false };
const window = { kernel_size: [3, 2], strides: [1, 1], padding: 'same', use_bias: false, activation: 'linear' };

describe('the inputs of a kernel', () => {
  it.each<[string, number[], LayerEntry]>([
    ['Dense', [4, 3], dense('k', 2, { use_bias: false })],
    ['Conv2D', [6, 5, 3], conv2d('k', 4, 3, { use_bias: false, strides: [2, 2], padding: 'same' })],
    ['Conv2D, dilated', [7, 7, 2], conv2d('k', 3, 3, { use_bias: false, dilation_rate: [2, 2] })],
    ['Conv2D, grouped', [5, 5, 4], conv2d('k', 6, 3, { use_bias: false, groups: 2 })],
    [
      'Conv1D, causal',
      [7, 3],
      layer('Conv1D', 'k', {
        filters: 4,
        kernel_size: [3],
        strides: [1],
        padding: 'causal',
        dilation_rate: [2],
        use_bias: false,
        activation: 'linear',
        groups: 1,
      }),
    ],
    [
      'Conv3D',
      [4, 3, 3, 2],
      layer('Conv3D', 'k', {
        filters: 2,
        kernel_size: [2, 2, 2],
        strides: [1, 1, 1],
        padding: 'same',
        dilation_rate: [1, 1, 1],
        use_bias: false,
        activation: 'linear',
      }),
    ],
    ['DepthwiseConv2D', [5, 4, 3], layer('DepthwiseConv2D', 'k', { ...window, depth_multiplier: 2 })],
    ['SeparableConv2D', [5, 4, 3], layer('SeparableConv2D', 'k', { ...window, filters: 4, depth_multiplier: 2 })],
    ['Conv2DTranspose', [4, 3, 2], layer('Conv2DTranspose', 'k', { ...window, filters: 3, strides: [2, 2] })],
    ['Conv1DTranspose', [5, 2], layer('Conv1DTranspose', 'k', { ...window, kernel_size: [3], filters: 3, strides: [2], padding: 'valid' })],
  ])('of %s times its matrix are what the layer makes', (_what, shape, entry) => {
    const given = setUp(sequential(shape, [entry]), shape);
    const { document, weights, x } = given;
    const call = document.graph.calls.find(({ layer }) => layer.name === 'k')!;
    const kernel = prunableKernels(document.graph, { exclude: [] }).at(-1)!;
    const [inputs, units] = [inputCount(kernel), unitCount(kernel)];
    const matrix = asMatrix(document.weights.get(kernel.key)!.data, matrixOrder(kernel));
    const made: number[][] = [];
    tf.tidy(() => {
      const read = (name: string) => weights.read(weightKey(call.layer, name));
      forEachInputs(call, kernel, [tf.tensor(x.data.slice(), x.shape)], read, (rows) => {
        const groups = rows.shape[0]!;
        const numbers = rows.arraySync() as number[][][];
        for (let row = 0; row < rows.shape[1]!; row++) {
          made.push(
            Array.from({ length: units }, (_, unit) => {
              const from = numbers[Math.floor((unit * groups) / units)]![row]!;
              return from.reduce((sum, value, input) => sum + value * matrix[input * units + unit]!, 0);
            }),
          );
        }
        expect(rows.shape[2]).toBe(inputs);
      });
    });
    expectClose(made.flat(), valuesOf(given, 'k').data, { relative: 1e-5 });
  });
});

describe('norms and products of inputs', () => {
  const config = sequential(
    [5, 5, 2],
    [conv2d('c', 3, 3, same), layer('DepthwiseConv2D', 'w', { ...window, depth_multiplier: 1 }), flatten('f'), dense('d', 2)],
  );

  it('do not depend on how samples are batched, and norms are the roots of the diagonal', () => {
    const { calibration, document } = setUp(config, [5, 5, 2]);
    const kernels = prunableKernels(document.graph, { exclude: [] });
    const whole = { ...calibration, batches: 1, batchSize: SAMPLES };
    const [streamed, once] = [inputNorms(calibration, kernels), inputNorms(whole, kernels)];
    const rows: Record<string, number> = { 'c/kernel': SAMPLES * 25, 'w/kernel': SAMPLES * 25, 'd/kernel': SAMPLES };
    forEachProducts(calibration, kernels, (kernel, products) => {
      const { groups, norms } = streamed.get(kernel.key)!;
      expectClose(norms, once.get(kernel.key)!.norms, { relative: 1e-5 }, kernel.key);
      const inputs = inputCount(kernel);
      const numbers = products.dataSync();
      const diagonal = Array.from({ length: groups * inputs }, (_, at) =>
        Math.sqrt(numbers[Math.floor(at / inputs) * inputs * inputs + (at % inputs) * (inputs + 1)]! * rows[kernel.key]!),
      );
      expectClose(norms, diagonal, { relative: 1e-4 }, kernel.key);
    });
  });

  it('leave no tensor behind', () => {
    const { calibration, document } = setUp(config, [5, 5, 2]);
    const kernels = prunableKernels(document.graph, { exclude: [] });
    const before = tf.memory().numTensors;
    inputNorms(calibration, kernels);
    forEachProducts(calibration, kernels, (_kernel, products) => inverseHessian(products));
    inverseFisher(calibration, ['c/kernel', 'd/kernel'], 5);
    hessianGradient(calibration, ['d/kernel']);
    const map = channelMap(document.graph);
    contributions(calibration, map, map.groups.slice(0, 1));
    readActivity(calibration, map);
    activationMoments(calibration, map, map.groups.slice(0, 1));
    synapticFlow(document.graph, calibration.weights, ['c/kernel'], [5, 5, 2]);
    expect(tf.memory().numTensors).toBe(before);
  });
});

/** A⁻¹ by Gauss and Jordan, with the largest pivot. */
function inverted(a: readonly number[][]): number[][] {
  const n = a.length;
  const rows = a.map((row, index) => [...row, ...row.map((_, column) => (column === index ? 1 : 0))]);
  for (let column = 0; column < n; column++) {
    let pivot = column;
    for (let row = column; row < n; row++) if (Math.abs(rows[row]![column]!) > Math.abs(rows[pivot]![column]!)) pivot = row;
    [rows[column], rows[pivot]] = [rows[pivot]!, rows[column]!];
    const scale = rows[column]![column]!;
    rows[column] = rows[column]!.map((value) => value / scale);
    for (let row = 0; row < n; row++) {
      if (row === column) continue;
      const factor = rows[row]![column]!;
      rows[row] = rows[row]!.map((value, at) => value - factor * rows[column]![at]!);
    }
  }
  return rows.map((row) => row.slice(n));
}

describe('second order', () => {
  const linear = sequential([4], [dense('a', 2, { use_bias: false })]);
  const order = [...epochOrder(SEED, -1, SAMPLES)];
  const batches = Array.from({ length: 3 }, (_, batch) => order.slice(batch * 8, (batch + 1) * 8));

  /** Of a batch: ∂/∂w of the mean of (x·w - y)² over samples and 2 outputs, [4 · 2]. */
  function gradient({ x, y, document }: ReturnType<typeof setUp>, positions: readonly number[], kernel?: readonly number[]): number[] {
    const w = kernel ?? [...document.weights.get('a/kernel')!.data];
    const g = Array(8).fill(0);
    for (const at of positions) {
      for (let out = 0; out < 2; out++) {
        const error = [0, 1, 2, 3].reduce((sum, input) => sum + x.data[at * 4 + input]! * w[input * 2 + out]!, 0) - y.data[at * 2 + out]!;
        for (let input = 0; input < 4; input++) g[input * 2 + out] += (2 * error * x.data[at * 4 + input]!) / (2 * positions.length);
      }
    }
    return g;
  }

  it('the Hessian times the mean gradient is that of a quadratic loss', () => {
    const given = setUp(linear, [4]);
    const w = [...given.document.weights.get('a/kernel')!.data];
    const over = (kernel: readonly number[]) =>
      batches
        .map((positions) => gradient(given, positions, kernel))
        .reduce((sum, g) => sum.map((value, index) => value + g[index]! / 3), Array(8).fill(0));
    const g = over(w);
    // Of a quadratic the difference of two gradients is exact.
    const expected = over(w.map((value, index) => value + g[index]!)).map((value, index) => value - g[index]!);
    expectClose(hessianGradient(given.calibration, ['a/kernel']).get('a/kernel')!, expected, { relative: 2e-3 });
  });

  it('the inverse Fisher blocks are those of the damped mean outer product, the last one padded', () => {
    const given = setUp(linear, [4]);
    const gradients = batches.map((positions) => gradient(given, positions));
    const mean = gradients.flat().reduce((sum, value) => sum + value * value, 0) / gradients.flat().length;
    const { inverse } = inverseFisher(given.calibration, ['a/kernel'], 3).get('a/kernel')!;
    const expected = [0, 3, 6].flatMap((from) => {
      const block = [0, 1, 2].map((row) =>
        [0, 1, 2].map((column) =>
          gradients.reduce((sum, g) => sum + ((g[from + row] ?? 0) * (g[from + column] ?? 0)) / 3, row === column ? 0.01 * mean : 0),
        ),
      );
      return inverted(block).flat();
    });
    expectClose(inverse, expected, { relative: 1e-3 });
  });

  it('the factor of the inverse Hessian multiplies to it, with inputs that are always zero', () => {
    const given = setUp(linear, [4]);
    const kernel = prunableKernels(given.document.graph, { exclude: [] })[0]!;
    const x = { ...given.x, data: given.x.data.map((value, at) => (at % 4 === 2 ? 0 : value)) };
    const calibration = { ...given.calibration, data: datasetOf(x, given.y) };
    forEachProducts(calibration, [kernel], (_kernel, products) => {
      const { factor, dead } = inverseHessian(products);
      expect([...dead]).toEqual([0, 0, 1, 0]);
      const hessian = [0, 1, 2, 3].map((row) =>
        [0, 1, 2, 3].map((column) =>
          order.slice(0, 24).reduce((sum, at) => sum + (2 * x.data[at * 4 + row]! * x.data[at * 4 + column]!) / SAMPLES, 0),
        ),
      );
      hessian[2]![2] = 1;
      const damping = (0.01 * hessian.reduce((sum, row, index) => sum + row[index]!, 0)) / 4;
      for (const [index, row] of hessian.entries()) row[index]! += damping;
      const product = [0, 1, 2, 3].flatMap((row) =>
        [0, 1, 2, 3].map((column) => [0, 1, 2, 3].reduce((sum, k) => sum + factor[row * 4 + k]! * factor[column * 4 + k]!, 0)),
      );
      expectClose(product, inverted(hessian).flat(), { relative: 1e-4 });
    });
  });
});

describe('statistics of units', () => {
  /** A residual sum whose units go on through one nonlinearity, and a flattened reader behind. */
  const config = functional((net) => {
    const x = net.input('x', [4, 4, 2]);
    const a = net.call(batchNormalization('n'), net.call(conv2d('a', 3, 3, same), x));
    const b = net.call(conv2d('b', 3, 1), x);
    const sum = net.call(layer('ReLU', 'r'), net.call(layer('Add', 'sum'), a, b));
    const read = net.call(layer('ReLU', 'q'), net.call(conv2d('c', 4, 3, same), sum));
    return net.call(dense('d', 2), net.call(flatten('f'), read));
  });

  it('activations are those behind the nonlinearity of the sum, however they are batched', () => {
    const given = setUp(config, [4, 4, 2]);
    const map = channelMap(given.document.graph);
    const [group, next] = map.groups;
    const moments = activationMoments(given.calibration, map, [group!, next!]);
    for (const [own, name] of [
      [group!, 'r'],
      [next!, 'q'],
    ] as const) {
      const { shape, data } = valuesOf(given, name);
      for (const [channel, unit] of own.units.entries()) {
        const values = [...data].filter((_, at) => at % shape.at(-1)! === channel);
        const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
        expect(moments.meanAbsolute[unit]).toBeCloseTo(values.reduce((sum, value) => sum + Math.abs(value), 0) / values.length, 5);
        expect(moments.variance[unit]).toBeCloseTo(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length, 5);
        expect(moments.zeros[unit]).toBeCloseTo(values.filter((value) => value === 0).length / values.length, 6);
      }
    }
  });

  it('the activity where units are read is the norm of the channel times that of the weights that read it', () => {
    const given = setUp(config, [4, 4, 2]);
    const map = channelMap(given.document.graph);
    const activity = readActivity(given.calibration, map);
    const norm = (values: readonly number[]) => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
    const seen = valuesOf(given, 'r').data;
    const kernel = [...given.document.weights.get('c/kernel')!.data];
    for (const [channel, unit] of map.groups[0]!.units.entries()) {
      const weights = kernel.filter((_, at) => Math.floor(at / 4) % 3 === channel);
      expect(activity[unit]).toBeCloseTo(norm([...seen].filter((_, at) => at % 3 === channel)) * norm(weights), 3);
    }
    // Behind the flattening every fourth input is of the same unit.
    const flat = [...valuesOf(given, 'f').data];
    const rows = [...given.document.weights.get('d/kernel')!.data];
    for (const [channel, unit] of map.groups[1]!.units.entries()) {
      const weights = rows.filter((_, at) => Math.floor(at / 2) % 4 === channel);
      expect(activity[unit]).toBeCloseTo(norm(flat.filter((_, at) => at % 4 === channel)) * norm(weights), 3);
    }
  });

  it('contributions are what a reader makes of one unit alone, multiplied with each other', () => {
    const given = setUp(config, [4, 4, 2]);
    const map = channelMap(given.document.graph);
    const [group, next] = map.groups;
    const found = contributions(given.calibration, map, [group!, next!]);
    for (const [own, reader, seen, channels] of [
      [group!, 'c', 'r', 3],
      [next!, 'd', 'f', 4],
    ] as const) {
      const { shape, data } = valuesOf(given, seen);
      const { shape: kernelShape, data: kernel } = given.document.weights.get(`${reader}/kernel`)!;
      const alone = Array.from({ length: channels }, (_, channel) =>
        tf.tidy(() => {
          const only = tf.tensor(
            data.map((value, at) => (at % channels === channel ? value : 0)),
            shape,
          );
          const weights = tf.tensor(kernel.slice(), [...kernelShape]);
          const made =
            reader === 'c'
              ? tf.conv2d(
                  only as import('@tensorflow/tfjs-node-gpu').Tensor4D,
                  weights as import('@tensorflow/tfjs-node-gpu').Tensor4D,
                  1,
                  'same',
                )
              : tf.matMul(only, weights);
          return made.dataSync<'float32'>();
        }),
      );
      const rows = alone[0]!.length / kernelShape.at(-1)!;
      const expected = alone.flatMap((a) => alone.map((b) => a.reduce((sum, value, at) => sum + (value * b[at]!) / rows, 0)));
      const [only, ...others] = found.get(own)!;
      expect([only!.key, others.length]).toEqual([`${reader}/kernel`, 0]);
      expectClose(only!.gram, expected, { relative: 1e-4 }, reader);
    }
  });
});

describe('synaptic flow', () => {
  it('is the product of the absolute weights of every path, without offsets and nonlinearities', () => {
    const config = sequential(
      [3],
      [dense('a', 2), batchNormalization('n'), layer('ReLU', 'r'), dense('b', 2, { activation: 'tanh' }), dense('c', 1)],
    );
    const { document, weights } = setUp(config, [3]);
    const flow = synapticFlow(document.graph, weights, ['a/kernel', 'b/kernel', 'c/kernel'], [3]);
    const at = (key: string) => [...document.weights.get(key)!.data].map(Math.abs);
    const [a, b, c, gamma, variance] = [at('a/kernel'), at('b/kernel'), at('c/kernel'), at('n/gamma'), at('n/moving_variance')];
    const scale = [0, 1].map((unit) => gamma[unit]! / Math.sqrt(variance[unit]! + 1e-3));
    const hidden = [0, 1].map((unit) => scale[unit]! * [0, 1, 2].reduce((sum, input) => sum + a[input * 2 + unit]!, 0));
    const behind = [0, 1].map((unit) => b[unit * 2]! * c[0]! + b[unit * 2 + 1]! * c[1]!);
    const last = [0, 1].map((unit) => hidden[0]! * b[unit]! + hidden[1]! * b[2 + unit]!);
    const expected = {
      'a/kernel': [0, 1, 2].flatMap(() => [0, 1].map((unit) => scale[unit]! * behind[unit]!)),
      'b/kernel': [0, 1].flatMap((unit) => [0, 1].map((next) => hidden[unit]! * c[next]!)),
      'c/kernel': last,
    };
    const all = Object.values(expected)
      .flat()
      .reduce((sum, value) => sum + value, 0);
    for (const [key, values] of Object.entries(expected))
      expectClose(
        flow.get(key)!,
        values.map((value) => value / all),
        { relative: 1e-5 },
        key,
      );
  });

  it('stays in range in a network too deep for float32', () => {
    const layers = Array.from({ length: 30 }, (_, at) => dense(`d${at}`, 4, { use_bias: false }));
    const { document, weights } = setUp(sequential([4], layers), [4], {}, () => 30);
    const flow = synapticFlow(document.graph, weights, ['d0/kernel', 'd29/kernel'], [4]);
    expectClose(flow.get('d0/kernel')!, Array(16).fill(1 / 32), { relative: 1e-4 });
    expectClose(flow.get('d29/kernel')!, Array(16).fill(1 / 32), { relative: 1e-4 });
  });
});
