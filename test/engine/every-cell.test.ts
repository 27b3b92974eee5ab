/** Every criterion on every structure it takes, in every scope, as whole jobs. Times are what this file says: none of them is looked at. */
import { expect, it, vi } from 'vitest';
import type { measureLatency } from '../../src/engine/latency.ts';
import { type CriterionName, STRUCTURES, type StructureName, scopesOf } from '../../src/pruning/cells.ts';
import { storedDataset } from '../helpers/datasets.ts';
import { batchNormalization, conv2d, dense, documentOf, functional, layer, randomFill } from '../helpers/documents.ts';
import { drawn } from '../helpers/engine.ts';
import { runPosted } from '../helpers/jobs.ts';

vi.mock('../../src/engine/latency.ts', () => ({
  measureLatency: ((_original, _result, inputs) => {
    const summary = { median_ms: 1, p95_ms: 1 };
    return { batch_size: inputs.shape[0]!, pairs: 30, original: summary, result: summary, ratio: { value: 1, low: 1, high: 1 } };
  }) satisfies typeof measureLatency,
}));

const SAMPLES = 50;
const classes = Int32Array.from({ length: SAMPLES }, (_, at) => at % 3);
const same = { padding: 'same' };
/** With what any criterion asks for: a normalisation, nonlinearities that make zeros, a residual block, kernels of four inputs and more. */
const document = documentOf(
  functional((net) => {
    const x = net.call(batchNormalization('n'), net.call(conv2d('a', 8, 3, same), net.input('x', [5, 5, 1])));
    const a = net.call(layer('ReLU', 'r'), x);
    const block = net.call(layer('Add', 'sum'), a, net.call(conv2d('b', 8, 3, { ...same, activation: 'relu' }), a));
    const hidden = net.call(dense('h', 12, { activation: 'relu' }), net.call(layer('GlobalAveragePooling2D', 'g'), block));
    return net.call(dense('out', 3), hidden);
  }),
  randomFill(1),
);

const TARGETS: Record<StructureName, Record<string, number>> = {
  unstructured: { sparsity: 0.6 },
  n_m: { sparsity: 0.5 },
  block: { sparsity: 0.4 },
  channels: { macs: 0.6 },
  depth: { macs: 0.7 },
  low_rank: { parameters: 0.8 },
};
const names = (Object.keys(STRUCTURES) as CriterionName[]).filter((name) => name !== 'planned');
const few = { calibration_batches: 2, calibration_batch_size: 8 };
const calibrated = (type: CriterionName) =>
  ['magnitude', 'lamp', 'fpgm', 'batchnorm_scale', 'movement', 'random'].includes(type) ? {} : type === 'synflow' ? { iterations: 2 } : few;

it.each(names)('%s cuts every structure that it takes to its target, in every scope', async (type) => {
  for (const structure of STRUCTURES[type]) {
    for (const scope of scopesOf(type, structure)) {
      const pruning = {
        criterion: { type, ...calibrated(type) },
        structure: { type: structure },
        scope,
        target: TARGETS[structure],
        ...(type === 'movement' ? { schedule: { type: 'one_shot', begin: 0.5 } } : {}),
      };
      const fine_tuning = type === 'movement' ? { epochs: 1, batch_size: 15, step: 'eager' } : null;
      const data = storedDataset(drawn([SAMPLES, 5, 5, 1], 'images'), classes, { selection: 10, test: 10 });
      const { result } = await runPosted({ type: 'prune', pruning, fine_tuning }, { document, ...data });
      const cell = `${type}, ${structure}, ${scope}`;
      expect(result!.target, cell).toMatchObject({ met: true });
      if (structure === 'unstructured' || structure === 'n_m' || structure === 'block') continue;
      expect(result!.cuts, cell).toMatchObject([{ proof: { holds: true, vacuous: false } }]);
    }
  }
});
