import { describe, expect, it } from 'vitest';
import { admit } from '../../src/jobs/admission.ts';
import type { WorkerRecord } from '../../src/jobs/workers.ts';
import { jobSample, trainSpec } from '../ledger/samples.ts';

const job = (id: string, device: 'any' | 'cpu' | 'gpu') => {
  const spec = { ...trainSpec('mdl', 'dst'), device };
  return jobSample({ id: 'mdl' }, { id: 'dst' }, { id, spec });
};
const worker = (id: string, device: 'cpu' | 'gpu'): WorkerRecord => ({
  id,
  queues: [device],
  device,
  tensorflow: '2.21.0',
  threads: 2,
  pid: 1,
  host: 'here',
  started_at: '2026-01-01T00:00:00.000Z',
});
const placed = (...args: Parameters<typeof admit>) => admit(...args).map(({ queue, job: { id } }) => `${queue} ${id}`);

describe('admission', () => {
  it('keeps a job for any device in the ledger until some device lives', () => {
    expect(placed([job('a', 'any')], [])).toEqual([]);
    expect(placed([job('a', 'any')], [worker('w', 'cpu')])).toEqual(['cpu a']);
    expect(placed([job('a', 'any')], [worker('w', 'gpu')])).toEqual(['gpu a']);
  });

  it('prefers the GPU for any, and falls back to the CPU when the GPU has enough', () => {
    const jobs = ['a', 'b', 'c', 'd', 'e', 'f'].map((id) => job(id, 'any'));
    expect(placed(jobs, [worker('w', 'cpu'), worker('v', 'gpu')])).toEqual(['gpu a', 'gpu b', 'gpu c', 'gpu d', 'cpu e', 'cpu f']);
  });

  it('queues a job for the device it names even before such a worker lives', () => {
    expect(placed([job('a', 'gpu'), job('b', 'cpu')], [worker('w', 'cpu')])).toEqual(['gpu a', 'cpu b']);
  });

  it('keeps a queue short, and lets a full one hold up nobody else', () => {
    const jobs = [...['a', 'b', 'c', 'd'].map((id) => job(id, 'gpu')), job('e', 'cpu')];
    expect(placed(jobs, [])).toEqual(['gpu a', 'gpu b', 'cpu e']);
  });
});
