import { expect, it } from 'vitest';
import type { SensitivityReport } from '../../src/report/sensitivity.ts';
import { storedDataset } from '../helpers/datasets.ts';
import { dense, documentOf, randomFill, sequential } from '../helpers/documents.ts';
import { drawn } from '../helpers/engine.ts';
import { type JobOutcome, runPosted } from '../helpers/jobs.ts';
import { expectProblem } from '../helpers/problems.ts';

const x = drawn([400, 6], 'inputs');
const original = documentOf(
  sequential([6], [dense('hidden', 8, { activation: 'relu' }), dense('out', 3, { activation: 'softmax' })]),
  randomFill(3),
);

/** Logits of every sample, in float64, with the weights given. */
function logitsOf(hidden: Float32Array, units: readonly number[]): number[][] {
  const weight = (key: string) => original.weights.get(key)!.data;
  return Array.from({ length: 400 }, (_, sample) => {
    const active = units.map((unit) => {
      let sum = weight('hidden/bias')[unit]!;
      for (let axis = 0; axis < 6; axis++) sum += x.data[sample * 6 + axis]! * hidden[axis * 8 + unit]!;
      return Math.max(0, sum);
    });
    return Array.from({ length: 3 }, (_, out) =>
      units.reduce((sum, unit, at) => sum + active[at]! * weight('out/kernel')[unit * 3 + out]!, weight('out/bias')[out]!),
    );
  });
}

const ALL = [0, 1, 2, 3, 4, 5, 6, 7];
const kernel = original.weights.get('hidden/kernel')!.data;
const labels = Int32Array.from(logitsOf(kernel, ALL), (logits) => logits.indexOf(Math.max(...logits)));
const data = () => storedDataset(x, labels, { selection: 100, test: 100 });
/** The split lies behind the 200 training samples. */
const SELECTION = Array.from({ length: 100 }, (_, at) => 200 + at);

function scoresOf(logits: number[][]) {
  const right = SELECTION.filter((sample) => logits[sample]!.indexOf(Math.max(...logits[sample]!)) === labels[sample]).length;
  const losses = SELECTION.map((sample) => {
    const row = logits[sample]!;
    const top = Math.max(...row);
    return top + Math.log(row.reduce((sum, value) => sum + Math.exp(value - top), 0)) - row[labels[sample]!]!;
  });
  return { accuracy: right / 100, loss: losses.reduce((sum, loss) => sum + loss, 0) / 100 };
}

/** The units of the smallest magnitude: squares of all weights that hang on one, as the criterion sums them. */
function weakest(gone: number): number[] {
  const out = original.weights.get('out/kernel')!.data;
  const norms = ALL.map((unit) => {
    let sum = 0;
    for (let axis = 0; axis < 6; axis++) sum += kernel[axis * 8 + unit]! ** 2;
    for (let label = 0; label < 3; label++) sum += out[unit * 3 + label]! ** 2;
    return sum;
  });
  return ALL.toSorted((a, b) => norms[a]! - norms[b]!).slice(0, gone);
}

const run = (more: Record<string, unknown> = {}, input: { sensitivities?: object } = {}): Promise<JobOutcome> => {
  const posted = { type: 'sensitivity', ratios: [0.25, 0.5], ...more };
  return runPosted(posted, { document: original, ...data(), ...input });
};
type Found = SensitivityReport & { split: string; samples: number };
const foundBy = ({ result }: JobOutcome) => result!.sensitivity as Found;

it('cuts every group and kernel alone and measures what is left, each time of the untouched model', async () => {
  const outcome = await run();
  const found = foundBy(outcome);
  expect(found).toMatchObject({ split: 'selection', samples: 100, accuracy: 1 });
  expect(found.loss).toBeCloseTo(scoresOf(logitsOf(kernel, ALL)).loss, 5);
  const [channels, weights] = found.structures;
  expect(channels).toMatchObject({ structure: 'channels', groups: [{ layers: ['hidden'], count: 8 }] });
  for (const { removed, loss, accuracy } of channels!.groups[0]!.levels) {
    const gone = new Set(weakest(removed * 8));
    const expected = scoresOf(
      logitsOf(
        kernel,
        ALL.filter((unit) => !gone.has(unit)),
      ),
    );
    expect(loss).toBeCloseTo(expected.loss, 5);
    expect(accuracy).toBe(expected.accuracy);
  }
  expect(weights!.groups.map(({ name, count }) => [name, count])).toEqual([
    ['hidden/kernel', 48],
    ['out/kernel', 24],
  ]);
  for (const { removed, loss, accuracy } of weights!.groups[0]!.levels) {
    const order = [...kernel.keys()].sort((a, b) => Math.abs(kernel[a]!) - Math.abs(kernel[b]!));
    const cut = kernel.slice();
    for (const index of order.slice(0, removed * 48)) cut[index] = 0;
    const expected = scoresOf(logitsOf(cut, ALL));
    expect(loss).toBeCloseTo(expected.loss, 5);
    expect(accuracy).toBe(expected.accuracy);
  }
  // A row a cut, in the order of the result.
  const flat = found.structures.flatMap(({ groups }, structure) =>
    groups.flatMap(({ levels }, group) => levels.map((level) => ({ structure, group, ...level }))),
  );
  expect(outcome.rows.map(({ series, values }) => [series, values])).toEqual(flat.map((values) => ['prune', values]));
});

it('adds ratios to what was measured before, which is not measured again', async () => {
  const first = await run({ structures: ['channels'] });
  const kept = first.frames.filter((frame) => frame.kind === 'sensitivity').at(-1)!;
  expect(kept.structure).toBe('channels');
  const altered = structuredClone(kept.measured);
  altered.groups[0]!.levels[0]!.accuracy = 0.123;
  const more = await run({ structures: ['channels'], ratios: [0.25, 0.75] }, { sensitivities: { channels: altered } });
  expect(foundBy(more).structures[0]!.groups[0]!.levels.map(({ removed }) => removed)).toEqual([0.25, 0.75]);
  expect(foundBy(more).structures[0]!.groups[0]!.levels[0]!.accuracy).toBe(0.123);
  // What it leaves has all three.
  const left = more.frames.filter((frame) => frame.kind === 'sensitivity').at(-1)!;
  expect(left.measured.groups[0]!.levels.map(({ removed }) => removed)).toEqual([0.25, 0.5, 0.75]);
});

it('takes what else scores, as far as it goes', async () => {
  expect(foundBy(await run({ criterion: { type: 'apoz' } })).structures.map(({ structure }) => structure)).toEqual(['channels']);
  expect(foundBy(await run({ criterion: { type: 'wanda' }, layers: { include: ['out'] } })).structures).toMatchObject([
    { structure: 'unstructured', groups: [{ name: 'out/kernel' }] },
  ]);
});

it('takes what scores while training, by where training would begin, and what makes up for its cuts', async () => {
  const movement = foundBy(await run({ criterion: { type: 'movement' } }));
  expect(movement.structures.map(({ structure }) => structure)).toEqual(['channels', 'unstructured']);
  // Weights that the loss would have smaller go first: to lose them is cheaper than to lose any others.
  const random = foundBy(await run({ criterion: { type: 'random' } }));
  const lossOf = ({ structures }: Found) => structures[1]!.groups.map(({ levels }) => levels.at(-1)!.loss);
  expect(lossOf(movement)[0]).toBeLessThan(lossOf(random)[0]!);
  const half = { ratios: [0.5], structures: ['unstructured'], layers: { include: ['hidden'] } };
  const [solved, plain] = await Promise.all(
    ['sparsegpt', 'magnitude'].map(async (type) => foundBy(await run({ ...half, criterion: { type } }))),
  );
  const [made, zeroed] = [solved!, plain!].map(({ structures }) => structures[0]!.groups[0]!.levels[0]!.loss);
  expect(solved!.structures[0]!.groups).toMatchObject([{ name: 'hidden/kernel', count: 48, levels: [{ removed: 0.5 }] }]);
  expect(made).toBeLessThan(zeroed!);
});

it('is refused where nothing can be tried, with what would be accepted', async () => {
  await expectProblem(() => run({ criterion: { type: 'planned' } }), 'INCOMPATIBLE_OPTIONS', /channels takes magnitude/);
  await expectProblem(
    () => run({ criterion: { type: 'apoz' }, structures: ['unstructured'] }),
    'INCOMPATIBLE_OPTIONS',
    /apoz takes channels/,
  );
  await expectProblem(() => run({ layers: { exclude: ['*'] } }), 'NOTHING_TO_PRUNE', /No layer or group/);
  await expectProblem(() => run({ layers: { exclude: ['none'] } }), 'UNKNOWN_LAYER', /no layer "none"/);
});
