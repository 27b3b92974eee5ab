import { expect, it } from 'vitest';
import { JobSpec } from '../../src/jobs/spec/index.ts';
import { type ComparedRun, compareRuns } from '../../src/report/comparison.ts';
import type { JobReport } from '../../src/report/job-report.ts';
import { tellStory } from '../../src/report/story.ts';
import { fillDefaults } from '../../src/schema.ts';

const ids = { model_id: 'mdl_00000000000000000000000000', dataset_id: 'dst_00000000000000000000000000' };
const tell = (spec: Record<string, unknown>, result: unknown) =>
  tellStory({
    job: {
      spec: fillDefaults(JobSpec, { ...ids, ...spec }),
      status: 'succeeded',
      result,
      created_at: '',
      started_at: null,
      finished_at: null,
    },
    model: { name: 'net' },
    dataset: { name: 'digits' },
  } as unknown as JobReport);

it('says once by how much the accuracy fell, and that it is too much', () => {
  const test = (value: number) => ({ samples: 1000, accuracy: { value }, loss: { value: 1 } });
  const claim = (verdict: string) => ({ verdict, reason: 'WORSE', detail: 'The accuracy moved by -2.00 points' });
  const side = { parameters: 10, macs: 10, sparsity: 0, file_bytes: 10 };
  const receipt = {
    original: { ...side, test: test(0.9) },
    result: { ...side, test: test(0.88) },
    comparison: {
      measure: 'accuracy',
      difference: { value: -0.02, low: -0.03, high: -0.01 },
      only_original_right: 30,
      only_result_right: 10,
      mcnemar_p: 0.001,
    },
    claims: { smaller: claim('refuted'), faster: claim('proven'), as_accurate: claim('refuted') },
  };
  const spec = { type: 'prune', pruning: { criterion: { type: 'magnitude' }, target: { sparsity: 0.5 } } };
  const { happened, not_proven: open } = tell(spec, { receipt });
  expect(happened.slice(3, 5)).toEqual([
    expect.stringContaining('a difference of −2.00 points'),
    'That is beyond chance, and more than the 0.50 points that may be lost: it is not as accurate as the original.',
  ]);
  expect(happened[5]).toMatch(/^The result is not smaller/);
  expect(open.join(' ')).not.toContain('chance');
  const allowed = { ...receipt, claims: { ...receipt.claims, as_accurate: claim('proven') } };
  expect(tell(spec, { receipt: allowed }).not_proven.join(' ')).toContain('That the loss of accuracy is chance');
});

it('tells of decisions, not of samples, where a sample has several', () => {
  const test = (value: number) => ({ samples: 50, accuracy: { value }, loss: { value: 1 } });
  const claim = { verdict: 'proven', reason: 'MEASURED', detail: '' };
  const side = { parameters: 10, macs: 10, sparsity: 0, file_bytes: 10 };
  const receipt = {
    original: { ...side, test: test(0.97) },
    result: { ...side, test: test(0.96) },
    comparison: {
      measure: 'accuracy',
      difference: { value: -0.01, low: -0.012, high: -0.008 },
      only_original_right: null,
      only_result_right: null,
      mcnemar_p: null,
    },
    claims: { smaller: claim, faster: claim, as_accurate: claim },
  };
  const flips = { decisions: 5000, flips: 200, flip_rate: { value: 0.04 }, negative_flips: 120, mcnemar_p: null };
  const checks = { flips, recall: null, verdict: null, thresholds: [], robustness: null, saliency: null };
  const said = tell({ type: 'evaluate' }, { receipt, checks }).happened.join(' ');
  expect(said).toContain(
    'On the 50 samples of the test split, of several decisions each, 96.00 % of its decisions are right and 97.00 % of the original’s, a difference of −1.00 points',
  );
  expect(said).toContain('Of 5,000 decisions on test samples it makes 200 in another way (4.00 %), 120 of which the original had right.');
});

it('says whose gradients grew beyond all bounds, which leaves nothing to rank', () => {
  const run = (seed: number, loss: number | null) =>
    ({
      seed,
      status: loss === null ? 'failed' : 'succeeded',
      error: loss === null ? { code: 'NON_FINITE_GRADIENT', detail: '' } : null,
      finite: loss !== null,
      learned: loss !== null,
      selection: loss === null ? null : { loss, accuracy: null, constant_loss: 1 },
      test: null,
      costs: null,
    }) as ComparedRun;
  const seeds = [0, 1, 2, 3];
  const comparison = compareRuns(
    [
      { name: 'tight', control: false, runs: seeds.map((seed) => run(seed, 0.1 + seed / 100)) },
      { name: 'loose', control: false, runs: seeds.map((seed) => run(seed, seed < 2 ? null : 0.1)) },
      { name: 'unclipped', control: true, runs: seeds.map((seed) => run(seed, null)) },
    ],
    seeds,
  );
  const candidates = [{ type: 'train', name: 'tight', training: { epochs: 1 } }];
  const { happened } = tell({ type: 'compare', candidates, seeds }, { comparison, clipping: { helps: 'yes' } });
  expect(happened).toContain(
    'Gradients became infinite or no numbers, which leaves no model: “loose” under 2 of 4 seeds, “unclipped” under 4 of 4 seeds.',
  );
  expect(happened.join(' ')).toContain('and of one other nothing is shown');
});
