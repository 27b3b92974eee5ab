/** Statistics over many batches are recorded once: they are those that operations one by one find, and nothing stays behind. */
import { afterEach, expect, it, vi } from 'vitest';
import { Recorder } from '../../src/engine/graph/recorder.ts';
import { Session } from '../../src/engine/graph/session.ts';
import { blockChanges } from '../../src/engine/pruning/statistics/block-changes.ts';
import type { Calibration } from '../../src/engine/pruning/statistics/calibration.ts';
import { blockGateMoments } from '../../src/engine/pruning/statistics/gates.ts';
import {
  calibrationLoss,
  forEachProducts,
  normalisationMoments,
  removedMeans,
  unitStatistics,
  weightStatistics,
} from '../../src/engine/pruning/statistics/index.ts';
import { tf } from '../../src/engine/tensorflow.ts';
import { selectableBlocks } from '../../src/pruning/blocks.ts';
import { readersToCompensate } from '../../src/pruning/compensation.ts';
import { channelMap } from '../../src/pruning/groups.ts';
import { prunableKernels } from '../../src/pruning/kernels.ts';
import { calibrationOn } from '../helpers/calibration.ts';
import { datasetOf } from '../helpers/datasets.ts';
import { documentOf, randomFill } from '../helpers/documents.ts';
import { drawn } from '../helpers/engine.ts';
import { expectClose } from '../helpers/numbers.ts';
import { RESIDUAL } from '../helpers/residual.ts';

afterEach(() => vi.restoreAllMocks());

const document = documentOf(RESIDUAL['three blocks in a row']!.config, randomFill(3));
const { graph } = document;
const map = channelMap(graph);
const groups = map.groups.filter(({ frozen }) => frozen === null);
const kernels = prunableKernels(graph, { exclude: [] });
const { blocks } = selectableBlocks(graph, { exclude: [] });
const removed = new Uint8Array(map.unitCount);
for (const { units } of groups) removed[units[0]!] = 1;

/** Every number in a statistic, whatever holds it. */
function numbersIn(value: unknown): number[] {
  if (typeof value === 'number') return [value];
  if (ArrayBuffer.isView(value)) return [...(value as Float32Array)];
  if (value instanceof Map) return [...value.values()].flatMap(numbersIn);
  if (Array.isArray(value)) return value.flatMap(numbersIn);
  return value !== null && typeof value === 'object' ? Object.values(value).flatMap(numbersIn) : [];
}

const STATISTICS: Record<string, (calibration: Calibration) => unknown> = {
  'the loss': calibrationLoss,
  'absolute gradients': (calibration) => weightStatistics('mean_abs_gradient', calibration, kernels, 1),
  'squared gradients': (calibration) => weightStatistics('mean_squared_gradient', calibration, kernels, 1),
  'the inverse Fisher matrix': (calibration) => weightStatistics('inverse_fisher', calibration, kernels, 4),
  'norms of inputs': (calibration) => weightStatistics('input_norms', calibration, kernels, 1),
  'products of inputs'(calibration) {
    const all: number[] = [];
    forEachProducts(calibration, kernels, (_kernel, products) => all.push(...products.dataSync<'float32'>()));
    return all;
  },
  'gates of units': (calibration) => unitStatistics('gates', calibration, map, groups),
  'gates of blocks': (calibration) => blockGateMoments(calibration, blocks),
  activations: (calibration) => unitStatistics('activations', calibration, map, groups),
  'activity where units are read': (calibration) => unitStatistics('read_activity', calibration, map, groups),
  contributions: (calibration) => unitStatistics('contributions', calibration, map, groups),
  'what blocks change': (calibration) => blockChanges(calibration, blocks),
  'moments of normalisations': normalisationMoments,
  'what removed units made': (calibration) => removedMeans(calibration, map, removed, readersToCompensate(map, removed).readers),
};

it.each(Object.entries(STATISTICS))('%s', (_name, statistic) => {
  // Six whole batches and a smaller one.
  const samples = 26;
  const data = datasetOf(drawn([samples, 6, 6, 2], 'x'), drawn([samples, 3], 'y'));
  const calibration = calibrationOn(document, data, 0, { batches: 7, batchSize: 4 });
  const before = tf.memory().numTensors;
  const runs = vi.spyOn(Session.prototype, 'run');
  const recorded = numbersIn(statistic(calibration));
  expect(runs.mock.calls.filter(([, feeds]) => feeds.startsWith('given/batch')).length % 6).toBe(0);
  expect(runs).toHaveBeenCalled();
  runs.mockClear();
  vi.spyOn(Recorder.prototype, 'record').mockImplementation(() => {
    throw new Error('Nothing is recorded');
  });
  const oneByOne = numbersIn(statistic(calibration));
  expect(runs).not.toHaveBeenCalled();
  expect(recorded.length).toBeGreaterThan(0);
  expectClose(recorded, oneByOne, { relative: 1e-4, absolute: 1e-6 });
  expect(tf.memory().numTensors).toBe(before);
});
