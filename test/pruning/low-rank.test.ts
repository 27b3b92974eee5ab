/** Layers as products of two: ranks, costs and the documents. The decomposition itself is TensorFlow's: see `keras-depth-and-rank.test.ts`. */
import { describe, expect, it } from 'vitest';
import { parameterCount, totalMacs } from '../../src/model/costs.ts';
import {
  costOfRanks,
  factorableKernels,
  factorsOf,
  fullRank,
  keptRank,
  mostRank,
  productOf,
  withFactors,
} from '../../src/pruning/low-rank.ts';
import { termOrder } from '../../src/pruning/term-order.ts';
import { generator } from '../../src/random.ts';
import { conv2d, dense, documentOf, flatten, functional, layer, randomFill, sequential } from '../helpers/documents.ts';

const everything = { exclude: [] };
/** A kernel of rank 2: [6, 5] of the columns 1, 2, … and -1, 1, -1, …, times the rows 1, 1, … and 1, 0, 1, … */
const spectrum = {
  left: Float32Array.from({ length: 12 }, (_, at) => (at % 2 === 0 ? (at / 2 + 1) / 10 : at % 4 === 1 ? -0.5 : 0.5)),
  values: Float32Array.of(4, 1),
  right: Float32Array.from({ length: 10 }, (_, at) => (at % 2 === 0 ? 1 : at % 4 === 1 ? 1 : 0)),
};
const kernel = { layer: 'a', key: 'a/kernel', inputs: 6, units: 5, positions: 1 };

describe('ranks', () => {
  it('are worth it below the number at which two factors have as many weights', () => {
    expect(mostRank({ inputs: 4, units: 4 })).toBe(1);
    expect(mostRank({ inputs: 300, units: 100 })).toBe(74);
    expect(75 * 400).toBe(300 * 100);
    expect(mostRank({ inputs: 2, units: 2 })).toBe(0);
  });

  it('keep to their limits, and leave whole what would not get smaller', () => {
    const wide = { inputs: 300, units: 100 };
    expect(keptRank(wide, 10, { min_rank: 1, round_to: 8 })).toBe(16);
    expect(keptRank(wide, 10, { min_rank: 20, round_to: 8 })).toBe(24);
    expect(keptRank(wide, 74, { min_rank: 1, round_to: 1 })).toBe(74);
    expect(keptRank(wide, 75, { min_rank: 1, round_to: 1 })).toBe(fullRank(wide));
    expect(keptRank(wide, 0, { min_rank: 1, round_to: 1 })).toBe(1);
  });

  it('go by their part of the energy, or alike in every layer, the least first', () => {
    const spectra = [Float32Array.of(3, 2, 1), Float32Array.of(10, 1)];
    const shown = (order: ReturnType<typeof termOrder>) => order.map(({ kernel: of, term }) => `${of}.${term}`).join(' ');
    expect(shown(termOrder(spectra, null, 'global'))).toBe('1.1 0.2 0.1 0.0 1.0');
    expect(shown(termOrder(spectra, null, 'layer'))).toBe('0.2 1.1 0.1 1.0 0.0');
    const random = termOrder(spectra, generator(1, 'terms'), 'global');
    expect(random).toHaveLength(5);
    expect(shown(random)).toBe(shown(termOrder(spectra, generator(1, 'terms'), 'global')));
  });
});

describe('factors', () => {
  it('multiply to the terms that are kept', () => {
    const whole = productOf(factorsOf(spectrum, kernel, [0, 1]), kernel, [6, 5]).data;
    const first = productOf(factorsOf(spectrum, kernel, [0]), kernel, [6, 5]).data;
    for (let input = 0; input < 6; input++) {
      for (let unit = 0; unit < 5; unit++) {
        const [u, v] = [input * 2, unit * 2];
        const one = 4 * spectrum.left[u]! * spectrum.right[v]!;
        expect(first[input * 5 + unit]).toBeCloseTo(one, 6);
        expect(whole[input * 5 + unit]).toBeCloseTo(one + spectrum.left[u + 1]! * spectrum.right[v + 1]!, 6);
      }
    }
  });

  it('stand in two layers, of which the first takes the window and the second bias and activation', () => {
    const strided = { padding: 'same', strides: [2, 2], activation: 'relu' };
    const document = documentOf(
      sequential([8, 8, 3], [conv2d('c', 6, 3, strided), flatten('f'), dense('d', 10, { activation: 'softmax' })]),
      randomFill(5),
    );
    const { kernels } = factorableKernels(document.graph, everything);
    expect(kernels.map(({ inputs, units, positions }) => [inputs, units, positions])).toEqual([
      [27, 6, 16],
      [96, 10, 1],
    ]);
    const ranks = [2, 3];
    const spectra = kernels.map(({ inputs, units }) => ({
      left: new Float32Array(inputs * Math.min(inputs, units)).fill(0.1),
      values: new Float32Array(Math.min(inputs, units)).fill(1),
      right: new Float32Array(units * Math.min(inputs, units)).fill(0.1),
    }));
    const factors = kernels.map((each, index) => [each, factorsOf(spectra[index]!, each, [...Array(ranks[index]).keys()])] as const);
    const smaller = withFactors(document, new Map(factors));
    expect(smaller.graph.layers.map(({ name }) => name)).toEqual(['c_low_rank', 'c', 'f', 'd_low_rank', 'd']);
    const options = (name: string) => smaller.graph.layers.find((each) => each.name === name)!.options;
    expect(options('c_low_rank')).toMatchObject({
      filters: 2,
      kernel_size: [3, 3],
      strides: [2, 2],
      padding: 'same',
      use_bias: false,
      activation: 'linear',
    });
    expect(options('c')).toMatchObject({
      filters: 6,
      kernel_size: [1, 1],
      strides: [1, 1],
      padding: 'valid',
      use_bias: true,
      activation: 'relu',
    });
    expect(options('d')).toMatchObject({ units: 10, activation: 'softmax' });
    expect({ macs: totalMacs(smaller.graph), parameters: parameterCount(smaller.graph).total }).toEqual(
      costOfRanks(document.graph, kernels, ranks),
    );
    expect(smaller.weights.get('c/bias')).toBe(document.weights.get('c/bias'));
  });

  it('find a name that is free, also where a layer is called twice', () => {
    const config = functional((n) => {
      const shared = dense('a', 6, { activation: 'tanh' });
      const x = n.call(shared, n.call(shared, n.input('x', [6])));
      return n.call(dense('out', 3), n.call(dense('a_low_rank', 6), x));
    });
    const document = documentOf(config, randomFill(5));
    const [first] = factorableKernels(document.graph, { include: ['a'], exclude: [] }).kernels;
    const flat = { left: new Float32Array(36).fill(0.1), values: new Float32Array(6).fill(1), right: new Float32Array(36).fill(0.1) };
    const { graph } = withFactors(document, new Map([[first!, factorsOf(flat, first!, [0])]]));
    expect(graph.calls.map((call) => call.layer.name)).toEqual(['a_low_rank_2', 'a', 'a_low_rank_2', 'a', 'a_low_rank', 'out']);
  });

  it('are not made of what is not one product, has a constraint, or would not get smaller', () => {
    const { graph } = documentOf(
      sequential(
        [4, 4, 4],
        [
          conv2d('g', 4, 3, { groups: 2, padding: 'same' }),
          layer('DepthwiseConv2D', 'w', { kernel_size: [3, 3], depth_multiplier: 1 }),
          conv2d('n', 8, 1, { kernel_constraint: { module: 'keras.constraints', class_name: 'NonNeg', config: {} } }),
          flatten('f'),
          dense('out', 1),
        ],
      ),
    );
    const { kernels, leftOut } = factorableKernels(graph, everything);
    expect(kernels).toEqual([]);
    expect(leftOut.map(({ name }) => name)).toEqual(['g', 'w', 'n', 'out']);
  });
});
