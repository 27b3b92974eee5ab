import { describe, expect, it } from 'vitest';
import { controlOf, requirementOf, type Schema, withField, withoutNull } from '../../page/src/form/schema.ts';
import { JobSpec } from '../../src/jobs/spec/index.ts';

/** As capabilities have them. */
const jobs = (JSON.parse(JSON.stringify(JobSpec)) as { oneOf: Schema[] }).oneOf;
const spec = (type: string) => jobs.find(({ properties }) => properties?.type?.const === type) as Schema;

/** The schema of a field, by the names on the way; of a tagged union by `type=`. */
function at(schema: Schema, ...path: string[]): Schema {
  const [name, ...rest] = path;
  const inner = withoutNull(schema).schema;
  if (name === undefined) return inner;
  const [, tag] = /^type=(.*)$/.exec(name) ?? [];
  const next = tag ? inner.oneOf?.find(({ properties }) => properties?.type?.const === tag) : inner.properties?.[name];
  if (!next) throw new Error(`There is no ${name}`);
  return at(next, ...rest);
}

describe('the form of a job', () => {
  it('has a control for every kind of field of every job', () => {
    const prune = spec('prune');
    const kind = (...path: string[]) => controlOf(at(prune, ...path)).kind;
    expect(controlOf(at(prune, 'model_id'))).toEqual({ kind: 'resource', of: 'model' });
    expect(controlOf(at(prune, 'dataset_id'))).toEqual({ kind: 'resource', of: 'dataset' });
    expect(controlOf(at(prune, 'seed'))).toEqual({ kind: 'number', whole: true });
    expect(controlOf(at(prune, 'device'))).toEqual({ kind: 'choice', values: ['any', 'cpu', 'gpu'] });
    expect(kind('pruning', 'criterion')).toBe('tagged');
    expect(kind('pruning', 'plan_only')).toBe('boolean');
    expect(kind('pruning', 'layers', 'exclude')).toBe('texts');
    expect(kind('pruning', 'layers', 'overrides')).toBe('json');
    expect(kind('fine_tuning')).toBe('object');
    expect(kind('fine_tuning', 'augmentation')).toBe('items');
    expect(controlOf(at(prune, 'fine_tuning', 'clipping', 'type=global_norm', 'max_norm'))).toEqual({
      kind: 'number_or_word',
      words: ['auto'],
    });
    expect(kind('fine_tuning', 'learning_rate_schedule', 'type=step', 'milestones')).toBe('numbers');
    expect(kind('output', 'formats')).toBe('choices');
    expect(kind('webhook', 'url')).toBe('text');
    for (const job of jobs)
      for (const field of Object.values(job.properties ?? {})) expect(controlOf(withoutNull(field).schema)).toBeDefined();
  });

  it('requires what the schema requires where its condition does not hold', () => {
    expect(requirementOf(spec('prune'), {})).toMatchObject({
      required: ['pruning'],
      properties: { pruning: { required: ['criterion', 'target'] } },
    });
    expect(requirementOf(spec('prune'), { recipe: 'smallest' })).toEqual({});
    expect(requirementOf(spec('train'), {})).toEqual({});
  });

  it('leaves out what is not set', () => {
    expect(withField({ seed: 1, device: 'cpu' }, 'seed', undefined)).toEqual({ device: 'cpu' });
    expect(withField({}, 'seed', 0)).toEqual({ seed: 0 });
  });
});
