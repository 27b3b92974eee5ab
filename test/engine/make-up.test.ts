/** What makes up for a cut: the mean of what readers lose, and the statistics that normalisations see behind it. */
import { describe, expect, it } from 'vitest';
import { forward } from '../../src/engine/network.ts';
import { normalisationMoments } from '../../src/engine/pruning/statistics/normalisation-moments.ts';
import { removedMeans } from '../../src/engine/pruning/statistics/removed-means.ts';
import { tf } from '../../src/engine/tensorflow.ts';
import { Variables } from '../../src/engine/variables.ts';
import type { ModelDocument } from '../../src/model/document.ts';
import { compensated, readersToCompensate, withAddedBiases } from '../../src/pruning/compensation.ts';
import { channelMap } from '../../src/pruning/groups.ts';
import { removeUnits } from '../../src/pruning/surgery.ts';
import { calibrationOn } from '../helpers/calibration.ts';
import { datasetOf, storedDataset } from '../helpers/datasets.ts';
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
import { drawn, gradientsOf, tensorOf } from '../helpers/engine.ts';
import { runPosted } from '../helpers/jobs.ts';
import { expectClose } from '../helpers/numbers.ts';

const SAMPLES = 20;
const same = { padding: 'same' };

/** The mean output for the samples, by the last axis. */
function meanOutput({ graph, weights }: ModelDocument, x: ReturnType<typeof drawn>): number[] {
  const variables = Variables.from(weights);
  const means = tf.tidy(() => {
    const [output] = forward(graph, (key) => variables.read(key), [tensorOf(x)], { training: false });
    const axes = output!.shape.slice(0, -1).map((_, axis) => axis);
    return [...tf.mean(output!, axes).dataSync<'float32'>()];
  });
  variables.dispose();
  return means;
}

describe('compensation', () => {
  const images = (...layers: LayerEntry[]): Config =>
    sequential([5, 5, 2], [conv2d('a', 4, 3, { ...same, activation: 'sigmoid' }), ...layers]);
  const steps = (...layers: LayerEntry[]): Config => sequential([6, 3], [dense('a', 4, { activation: 'sigmoid' }), ...layers]);
  const bare = { use_bias: false };
  it.each<[string, Config]>([
    ['a dense layer', steps(dense('b', 3))],
    ['a flattened reader', images(flatten('f'), dense('b', 3))],
    ['a padded convolution', images(conv2d('b', 3, 3, same))],
    ['a strided convolution of steps', steps(layer('Conv1D', 'b', { filters: 3, kernel_size: [3], strides: [2] }))],
    ['a transposed convolution', images(layer('Conv2DTranspose', 'b', { filters: 3, kernel_size: [3, 3], strides: [2, 2], ...same }))],
    ['a separable convolution', images(layer('SeparableConv2D', 'b', { filters: 3, kernel_size: [3, 3], ...same }))],
    ['an einsum', steps(layer('EinsumDense', 'b', { equation: 'abc,cd->abd', output_shape: [null, 3], bias_axes: 'd' }))],
    [
      'an einsum whose bias has places',
      steps(layer('EinsumDense', 'b', { equation: 'abc,cd->abd', output_shape: [6, 3], bias_axes: 'bd' })),
    ],
    ['a reader without a bias, before a normalisation', images(conv2d('b', 3, 3, bare), batchNormalization('n'))],
    ['a reader without a bias, which gets one', images(conv2d('b', 3, 3, bare))],
    ['a separable reader without a bias', images(layer('SeparableConv2D', 'b', { filters: 3, kernel_size: [3, 3], ...bare }))],
    [
      'a shared reader',
      functional((net) => {
        const x = net.input('x', [3]);
        const [a, c] = [net.call(dense('a', 4, { activation: 'sigmoid' }), x), net.call(dense('c', 4, { activation: 'tanh' }), x)];
        const b = dense('b', 3);
        return net.call(layer('Average', 'v'), net.call(b, a), net.call(b, net.call(layer('Add', 's'), a, c)));
      }),
    ],
  ])('keeps the mean of what %s makes', (_name, config) => {
    const original = documentOf(config, randomFill(3));
    const map = channelMap(original.graph);
    const removed = new Uint8Array(map.unitCount);
    for (const unit of map.groups[0]!.units.subarray(1, 3)) removed[unit] = 1;
    const x = drawn([SAMPLES, ...(original.graph.inputs[0]!.shape as number[])], 'x');
    const calibration = calibrationOn(original, datasetOf(x, drawn([SAMPLES, 1], 'y')), 0);
    const { readers, leftOut } = readersToCompensate(map, removed);
    expect(leftOut).toEqual([]);
    const means = removedMeans(calibration, map, removed, readers);
    const plain = removeUnits(original, map, removed);
    const made = withAddedBiases(removeUnits(compensated(original, readers, means), map, removed), map, removed, readers, means);
    const wanted = meanOutput(original, x);
    expectClose(meanOutput(made, x), wanted, { relative: 1e-5 });
    expect(Math.max(...meanOutput(plain, x).map((mean, index) => Math.abs(mean - wanted[index]!)))).toBeGreaterThan(0.01);
  });

  it('gives a layer that has no bias one of its units that are left, in front of its activation', () => {
    const config = steps(dense('b', 4, { ...bare, activation: 'relu' }), dense('out', 2));
    const original = documentOf(config, randomFill(3));
    const map = channelMap(original.graph);
    const removed = new Uint8Array(map.unitCount);
    for (const group of map.groups) if (!group.frozen) removed[group.units[1]!] = 1;
    const x = drawn([SAMPLES, 6, 3], 'x');
    const calibration = calibrationOn(original, datasetOf(x, drawn([SAMPLES, 1], 'y')), 0);
    const { readers } = readersToCompensate(map, removed);
    const means = removedMeans(calibration, map, removed, readers);
    const made = withAddedBiases(removeUnits(compensated(original, readers, means), map, removed), map, removed, readers, means);
    // What unit 1 of a makes on average, times its row of b's kernel.
    const [activity] = [meanOutput(documentOf(steps(), randomFill(3)), x)[1]!];
    const row = original.weights.get('b/kernel')!.data.slice(4, 8);
    expectClose(made.weights.get('b/bias')!.data, [row[0]! * activity, row[2]! * activity, row[3]! * activity], { relative: 1e-5 });
    expect(made.graph.layers.find(({ name }) => name === 'b')!.options).toMatchObject({ use_bias: true, activation: 'relu' });
  });

  it('lists the readers that nothing makes up for', () => {
    const gru = layer('GRU', 'r', {
      units: 3,
      activation: 'tanh',
      recurrent_activation: 'sigmoid',
      reset_after: true,
      return_sequences: true,
    });
    const einsum = layer('EinsumDense', 'b', { equation: 'ab,bc->ac', output_shape: [4] });
    const config = sequential([6, 3], [dense('a', 4), gru, layer('GlobalMaxPooling1D', 'g'), einsum, dense('c', 4, bare), dense('out', 2)]);
    const map = channelMap(documentOf(config).graph);
    const removed = new Uint8Array(map.unitCount);
    for (const group of map.groups) if (!group.frozen) removed[group.units[0]!] = 1;
    const names = (mayAdd: boolean) => readersToCompensate(map, removed, mayAdd).readers.map(({ layer: name }) => name);
    expect([names(true), names(false)]).toEqual([['c', 'out'], ['out']]);
    expect(readersToCompensate(map, removed, false).leftOut).toEqual([
      { layer: 'r', reason: 'a GRU is no linear map of what it reads' },
      { layer: 'b', reason: 'it has no bias, and no batch normalisation alone behind it; EinsumDense is given none' },
      {
        layer: 'c',
        reason: 'it has no bias, and no batch normalisation alone behind it; the target counts weights, so that none is added',
      },
    ]);
  });
});

describe('re-estimation of batch normalisations', () => {
  // With a momentum of 0 a step of training leaves the moments of its batch.
  const normalised = (options = {}) =>
    sequential(
      [5, 5, 2],
      [
        conv2d('a', 4, 3, same),
        batchNormalization('n', { momentum: 0, ...options }),
        layer('ReLU', 'r'),
        layer('Dropout', 'd', { rate: 0.5 }),
        conv2d('b', 3, 3),
        batchNormalization('m', { momentum: 0 }),
        layer('GlobalAveragePooling2D', 'g'),
        dense('out', 1),
      ],
    );
  const x = drawn([SAMPLES, 5, 5, 2], 'x', 2);
  const data = () => datasetOf(x, drawn([SAMPLES, 1], 'y'));

  it('finds the moments that a step of training on the same samples finds, with nothing dropped', () => {
    const document = documentOf(normalised(), randomFill(1));
    const found = normalisationMoments(calibrationOn(document, data(), 0, { batches: 1, batchSize: SAMPLES }));
    const still = documentOf({ ...normalised(), config: withoutDropout(normalised()) }, randomFill(1));
    const { moved } = gradientsOf(still, x, drawn([SAMPLES, 1], 'direction'), true);
    expect([...found.keys()].sort()).toEqual([...moved.keys()].sort());
    for (const [key, values] of moved) expectClose(found.get(key)!.data, values, { relative: 1e-5 }, key);
  });

  it('takes batches of unequal size as one, and leaves frozen ones alone', () => {
    const document = documentOf(normalised(), randomFill(1));
    const [whole, parts] = [SAMPLES, 8].map((batchSize) =>
      normalisationMoments(calibrationOn(document, data(), 0, { batches: 3, batchSize })),
    );
    // Those behind the first see what it makes of each batch.
    for (const key of ['n/moving_mean', 'n/moving_variance'])
      expectClose(parts!.get(key)!.data, whole!.get(key)!.data, { relative: 1e-5 }, key);
    const frozen = documentOf(normalised({ trainable: false }), randomFill(1));
    const found = normalisationMoments(calibrationOn(frozen, data(), 0, { batches: 1, batchSize: SAMPLES }));
    expect([...found.keys()]).toEqual(['m/moving_mean', 'm/moving_variance']);
  });
});

describe('a job', () => {
  it('makes up for its cuts behind their proofs, and says what that did to the loss', async () => {
    const samples = 60;
    const classes = Int32Array.from({ length: samples }, (_, at) => at % 3);
    const x = drawn([samples, 5, 5, 1], 'x');
    const network = sequential(
      [5, 5, 1],
      [conv2d('a', 8, 3), batchNormalization('n'), layer('ReLU', 'r'), conv2d('b', 8, 3), flatten('f'), dense('out', 3)],
    );
    const document = documentOf(network, randomFill(1));
    const pruning = {
      criterion: { type: 'magnitude' },
      structure: { type: 'channels' },
      target: { macs: 0.5 },
      compensation: 'mean',
      reestimate_batch_norm: { samples: 64 },
    };
    const stored = storedDataset(x, classes, { selection: 10, test: 10 });
    const { result, document: after } = await runPosted({ type: 'prune', pruning }, { document, ...stored });
    const [cut] = result!.cuts as { proof: unknown; compensation: Made; batch_norm: Made & { samples: number } }[];
    expect(cut!.proof).toMatchObject({ holds: true });
    expect(cut!.compensation).toMatchObject({ readers: ['b', 'out'], not_compensated: [] });
    expect(cut!.batch_norm).toMatchObject({ layers: ['n'], frozen: [], samples: 40 });
    // The statistics are those of what a makes now: a standardises to moments of 0 and 1.
    const { moved } = gradientsOf(after!, { shape: [40, 5, 5, 1], data: x.data.slice(0, 40 * 25) }, drawn([40, 3], 'direction'), true);
    for (const statistic of ['mean', 'variance']) {
      const present = after!.weights.get(`n/moving_${statistic}`)!.data;
      expectClose(moved.get(`n/moving_${statistic}`)!, present, { relative: 1e-4 }, statistic);
    }
    for (const { loss } of [cut!.compensation, cut!.batch_norm])
      expect(Number.isFinite(loss.before) && Number.isFinite(loss.after)).toBe(true);
  });
});

interface Made {
  loss: { before: number; after: number };
}

function withoutDropout(network: Config): Record<string, unknown> {
  const { config } = network as { config: { layers: LayerEntry[] } };
  return { ...config, layers: config.layers.filter(({ class_name: className }) => className !== 'Dropout') };
}
