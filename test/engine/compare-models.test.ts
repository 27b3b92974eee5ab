import { expect, it } from 'vitest';
import type { Checks } from '../../src/report/checks/checks.ts';
import type { UnitsRemoved } from '../../src/report/units-removed.ts';
import { storedDataset } from '../helpers/datasets.ts';
import { dense, documentOf, randomFill, sequential } from '../helpers/documents.ts';
import { drawn } from '../helpers/engine.ts';
import { runPosted } from '../helpers/jobs.ts';
import { expectProblem } from '../helpers/problems.ts';

const CANDIDATE = 'mdl_00000000000000000000000001';
const config = sequential([6], [dense('hidden', 8, { activation: 'relu' }), dense('out', 3, { activation: 'softmax' })]);
const original = documentOf(config, randomFill(3));

/** Of inputs that the original labels itself: it is right on all of them. No training split. */
function selfLabelled() {
  const x = drawn([600, 6], 'inputs');
  const weight = (key: string) => original.weights.get(key)!.data;
  const y = Int32Array.from({ length: 600 }, (_, sample) => {
    const hidden = Array.from({ length: 8 }, (_, unit) => {
      let sum = weight('hidden/bias')[unit]!;
      for (let axis = 0; axis < 6; axis++) sum += x.data[sample * 6 + axis]! * weight('hidden/kernel')[axis * 8 + unit]!;
      return Math.max(0, sum);
    });
    const logits = Array.from({ length: 3 }, (_, unit) =>
      hidden.reduce((sum, value, at) => sum + value * weight('out/kernel')[at * 3 + unit]!, weight('out/bias')[unit]!),
    );
    return logits.indexOf(Math.max(...logits));
  });
  return { y, ...storedDataset(x, y, { test: 600 }) };
}

const job = (thresholds: Record<string, number>) => ({
  type: 'evaluate',
  candidate_model_id: CANDIDATE,
  evaluation: { thresholds, latency_batch_size: 1 },
});
const checksOf = (result: Record<string, unknown> | null) => result!.checks as Checks;

it('finds nothing between a model and itself, and the class that another has lost', async () => {
  const { y, facts, files } = selfLabelled();
  const classes = [0, 1, 2].map((label) => y.filter((own) => own === label).length);
  const lost = classes.indexOf(Math.max(...classes));
  const harmed = {
    ...original,
    weights: new Map(
      [...original.weights].map(([key, weight]) =>
        key === 'out/bias' ? [key, { ...weight, data: weight.data.map((value, unit) => (unit === lost ? -1000 : value)) }] : [key, weight],
      ),
    ),
  };
  const same = await runPosted(job({ max_flip_rate: 0, max_divergence: 0 }), {
    document: original,
    facts,
    files,
    further: { [CANDIDATE]: original },
  });
  expect(checksOf(same.result)).toMatchObject({ samples: 600, verdict: 'passed', flips: { flips: 0 }, recall: { worst: null } });
  expect((same.result!.receipt as { original: { test: unknown } }).original.test).toMatchObject({ accuracy: { value: 1 } });

  const worse = await runPosted(job({ max_class_recall_drop: 0.03 }), {
    document: original,
    facts,
    files,
    further: { [CANDIDATE]: harmed },
  });
  const { verdict, recall, flips } = checksOf(worse.result);
  expect(verdict).toBe('failed');
  expect(flips).toMatchObject({ flips: classes[lost], negative_flips: classes[lost], positive_flips: 0 });
  expect(recall!.classes.filter(({ worse: is }) => is).map(({ class: number }) => number)).toEqual([lost]);
});

it('refuses a candidate whose outputs are others', async () => {
  const { facts, files } = selfLabelled();
  const wider = documentOf(sequential([6], [dense('out', 4, { activation: 'softmax' })]));
  const further = { [CANDIDATE]: wider };
  const text = /the one has 3 behind softmax, the candidate 4 behind softmax|outputs of the same form/;
  await expectProblem(
    () => runPosted(job({ max_flip_rate: 0 }), { document: original, facts, files, further }),
    'MODEL_DATASET_MISMATCH',
    text,
  );
});

it('finds the class that a model was pruned without', async () => {
  const { y } = selfLabelled();
  const lost = 1;
  // Training samples of all classes but one; the test split has every class.
  const x = drawn([600, 6], 'inputs');
  const [kept, tested] = [Array.from(y.keys()).filter((at) => y[at] !== lost && at < 400), Array.from(y.keys()).filter((at) => at >= 400)];
  const rows = [...kept, ...tested];
  const samples = { shape: [rows.length, 6], data: Float32Array.from(rows.flatMap((at) => [...x.data.subarray(at * 6, at * 6 + 6)])) };
  const lacking = storedDataset(
    samples,
    Int32Array.from(rows, (at) => y[at]!),
    { test: tested.length },
  );
  const { result } = await runPosted(
    {
      type: 'prune',
      pruning: { structure: { type: 'channels' }, criterion: { type: 'taylor' }, target: { parameters: 0.75 } },
      fine_tuning: { epochs: 60, batch_size: 32, optimizer: { type: 'adam', learning_rate: 0.05 } },
    },
    { document: original, ...lacking },
  );
  const { recall } = checksOf(result);
  expect(recall!.worst!.class).toBe(lost);
  expect(recall!.classes.find(({ class: number }) => number === lost)!.worse).toBe(true);
  // What went is told unit by unit, and no unit both went and stayed.
  const { groups, units } = result!.units as UnitsRemoved;
  expect(groups[0]).toMatchObject({ layers: ['hidden'], before: 8 });
  expect([...units![0]!.kept, ...units![0]!.removed].sort((one, other) => one - other)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  expect((result!.cuts as Record<string, unknown>[])[0]).not.toHaveProperty('unit_scores');
  expect(result!.inputs_in_use).toMatchObject({ first: [{ layer: 'hidden', inputs: 6, read: '111111' }] });
});
