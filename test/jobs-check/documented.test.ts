/** What the documentation says of jobs: its list of options is generated, and its examples are accepted. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { Compile } from 'typebox/compile';
import { expect, it } from 'vitest';
import type { DatasetFacts } from '../../src/dataset/facts.ts';
import { checkJob } from '../../src/jobs/check.ts';
import { specOf } from '../../src/jobs/recipe/index.ts';
import { JobSpec } from '../../src/jobs/spec/index.ts';
import { readModel } from '../../src/model/formats/index.ts';
import { checkedModel } from '../helpers/checked-model.ts';

it('docs/job-options.md is what src/jobs/spec generates', () => {
  const generated = execFileSync(process.execPath, ['--disable-warning=ExperimentalWarning', 'scripts/options-docs.ts'], {
    encoding: 'utf8',
  });
  expect(readFileSync('docs/job-options.md', 'utf8')).toBe(generated);
});

const model = checkedModel(await readModel('examples/mnist/lenet_5.keras'));
const mnist: DatasetFacts = {
  format: 'idx',
  x: { dtype: 'uint8', shape: [28, 28], min: 0, max: 255, scale: 1 / 255 },
  y: { dtype: 'uint8', shape: [], min: 0, max: 9, classes: 10 },
  samples: 70_000,
  splits: { train: 55_000, selection: 5000, test: 10_000 },
  test_given: true,
};
const ids = { model_id: 'mdl_00000000000000000000000000', dataset_id: 'dst_00000000000000000000000000' };
const page = readFileSync('docs/pruning.md', 'utf8');
const whole = [...page.matchAll(/-d '(\{.*?\})'$/gms)].map(([, body]) =>
  body!.replaceAll(/'"\$(model|dataset)"'/g, (_, of) => ids[`${of as 'model'}_id`]),
);
const parts = [...page.matchAll(/^prune '(.*?)'$/gms)].map(([, fields]) => `{ "type": "prune", ${fields} }`);

it('there are examples of pruning', () => expect([whole.length, parts.length]).toEqual([3, 10]));

const examples = [...whole, ...parts].map((body, at) => [at + 1, body] as const);
const schema = Compile(JobSpec);

it.each(examples)('example %i of docs/pruning.md is accepted', async (_number, body) => {
  const posted = { ...JSON.parse(body), ...ids };
  expect(schema.Errors(posted)).toEqual([]);
  const { spec } = await checkJob(await specOf(posted, model, mnist), model, mnist, new Map());
  expect(spec.type).toBe('prune');
});
