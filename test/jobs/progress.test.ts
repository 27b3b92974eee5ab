import { expect, it } from 'vitest';
import { Metrics, Progress, SERIES } from '../../src/jobs/progress.ts';
import * as frames from '../../src/worker/frames.ts';

const plain = (schema: object): unknown =>
  JSON.parse(JSON.stringify(schema, (name, value) => (name === 'description' && typeof value === 'string' ? undefined : value)));

it('what the API shows of a running job is what its engine says', () => {
  expect(plain(Progress)).toEqual(plain(frames.Progress));
  expect(plain(Metrics)).toEqual(plain(frames.Metrics));
  expect(plain(frames.SeriesRow)).toMatchObject({ properties: { series: { enum: [...SERIES] } } });
});
