import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JobStatus, Ledger } from '../../src/ledger/ledger.ts';
import { type LedgerFactory, openWorld, type World } from './fixture.ts';
import { artifactSample, checkpointSample, claimOf, endingOf, releaseOlder, segmentSample } from './samples.ts';

/** One thing that may happen to a job. `n` is the attempt it claims to come from, counted from the newest: it may be long gone or yet to come. */
type Step =
  | { do: 'claim' | 'heartbeat' | 'start' | 'segment' | 'checkpoint' | 'best' | 'release' | 'stop' | 'cancel unheld'; n: number }
  | { do: 'end'; n: number; status: 'succeeded' | 'failed' | 'cancelled' }
  | { do: 'cancel' | 'pause' | 'resume' | 'delete' | 'exhaust' }
  | { do: 'silence'; ms: number };

const next = fc.constantFrom(1, 1, 1, 0, 2);
const holder = fc.constantFrom(0, 0, 0, 0, -1, -2, 1);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('claim' as const), n: next }) },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constantFrom('heartbeat', 'start', 'segment', 'checkpoint', 'best', 'release', 'stop'), n: holder }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('end' as const), n: holder, status: fc.constantFrom('succeeded', 'failed', 'cancelled') }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('cancel', 'delete') }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('cancel unheld' as const), n: holder }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constantFrom('pause', 'resume', 'resume') }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('exhaust' as const) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('release' as const), n: holder }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('silence' as const), ms: fc.constantFrom(5, 15) }) },
) as fc.Arbitrary<Step>;

const TIMEOUT_MS = 10;
const LIMIT = 2;
const HELD: JobStatus[] = ['running', 'pausing', 'cancelling'];
const ENDED: JobStatus[] = ['succeeded', 'failed', 'cancelled'];

/** The job as it should be, kept in plain variables by rules written down a second time. */
class Model {
  status: JobStatus = 'queued';
  attempt = 0;
  heartbeatAt = 0;
  deleted = false;
  outputs = 0;
  segments = 0;
  /** Of each attempt, whether it brought a newer checkpoint. */
  readonly advanced: boolean[] = [];
  newest = 0;
  /** Attempts that were ended for a pause: they do not count. */
  readonly paused = new Set<number>();
  /** Checkpoints as they should be kept, newest first. */
  kept: { step: number; best: boolean }[] = [];
  /** The newest checkpoint when the newest attempt began. */
  resumedFrom = 0;

  holds(n: number): boolean {
    return n === this.attempt && HELD.includes(this.status);
  }
  letGo(): void {
    this.status = ({ running: 'queued', pausing: 'paused', cancelling: 'cancelled' } as const)[this.status as 'running'];
  }
}

/** Does the step to both and compares what each says. */
async function apply(drawn: Step, model: Model, id: string, ledger: Ledger, clock: World['clock']): Promise<void> {
  const made = 'n' in drawn ? { ...drawn, n: Math.max(1, model.attempt + drawn.n) } : drawn;
  switch (made.do) {
    case 'claim': {
      const wins = model.status === 'queued' && made.n === model.attempt + 1;
      expect((await ledger.claimJob(claimOf(id, made.n))) !== null).toBe(wins);
      if (!wins) return;
      Object.assign(model, { status: 'running', attempt: made.n, heartbeatAt: clock.now, resumedFrom: model.newest });
      model.advanced.push(false);
      return;
    }
    case 'heartbeat': {
      const holds = model.holds(made.n);
      const status = await ledger.heartbeat(id, made.n, { progress: { by: made.n }, engine_ms: 1 });
      expect(status).toBe(holds ? model.status : null);
      if (holds) model.heartbeatAt = clock.now;
      return;
    }
    case 'start':
      expect(await ledger.markStarted(id, made.n, model.resumedFrom === 0 ? null : model.resumedFrom)).toBe(model.holds(made.n));
      return;
    case 'segment':
      expect(await ledger.addSegment(segmentSample(id, made.n, model.segments))).toBe(model.holds(made.n));
      if (model.holds(made.n)) model.segments += 1;
      return;
    case 'checkpoint':
    case 'best': {
      const isBest = made.do === 'best';
      const best = isBest ? { metric: 'val_loss', value: 0.5 } : null;
      const fallen = await ledger.addCheckpoint(checkpointSample(id, made.n, model.newest + 1, { best }));
      expect(fallen !== false).toBe(model.holds(made.n));
      if (fallen === false) return;
      model.newest += 1;
      model.advanced[made.n - 1] = true;
      const all = [{ step: model.newest, best: isBest }, ...model.kept];
      const bestSoFar = all.find((one) => one.best);
      model.kept = all.filter((one, index) => index < 2 || one === bestSoFar);
      expect(fallen.map((one) => one.step)).toEqual(all.filter((one) => !model.kept.includes(one)).map((one) => one.step));
      const listed = await ledger.listCheckpoints(id);
      expect(listed.map((one) => ({ step: one.step, best: one.best !== null }))).toEqual(model.kept);
      expect(listed[0]).toMatchObject({ attempt: made.n });
      return;
    }
    case 'release': {
      const holds = model.holds(made.n);
      expect(await ledger.releaseJob(id, made.n, 'engine_lost')).toBe(holds);
      if (holds) model.letGo();
      return;
    }
    case 'stop': {
      const holds = model.holds(made.n);
      const stopped = await ledger.pauseJob(id, made.n, 1);
      if (!holds) expect(stopped).toBeNull();
      else if (model.status === 'cancelling') expect(stopped).toBe('cancelling');
      else {
        model.paused.add(made.n);
        model.letGo();
        expect(stopped).toBe(model.status);
      }
      return;
    }
    case 'cancel unheld': {
      const cancels = made.n === model.attempt && (model.status === 'queued' || model.status === 'paused');
      const artifacts = [artifactSample(id)];
      expect(await ledger.cancelUnheld({ job_id: id, attempt: made.n, result: null, models: [], artifacts, warning: null })).toBe(cancels);
      if (!cancels) return;
      model.status = 'cancelled';
      model.outputs += 1;
      return;
    }
    case 'end': {
      const holds = model.holds(made.n);
      expect(await ledger.endJob(endingOf(id, made.n, { status: made.status, artifacts: [artifactSample(id)] }))).toBe(holds);
      if (!holds) return;
      model.status = made.status;
      model.outputs += 1;
      return;
    }
    case 'cancel':
      if (model.status === 'queued' || model.status === 'paused') model.status = 'cancelled';
      if (model.status === 'running' || model.status === 'pausing') model.status = 'cancelling';
      expect((await ledger.requestCancel('alice', id))?.status).toBe(model.status);
      return;
    case 'pause':
      if (model.status === 'queued') model.status = 'paused';
      if (model.status === 'running') model.status = 'pausing';
      expect((await ledger.requestPause('alice', id))?.status).toBe(model.status);
      return;
    case 'resume':
      if (model.status === 'paused') model.status = 'queued';
      if (model.status === 'pausing') model.status = 'running';
      expect((await ledger.requestResume('alice', id))?.status).toBe(model.status);
      return;
    case 'delete': {
      const deletes = ENDED.includes(model.status) && !model.deleted;
      expect(await ledger.deleteJob('alice', id)).toBe(deletes);
      model.deleted ||= deletes;
      return;
    }
    case 'exhaust': {
      const counted = model.advanced.filter((advanced, index) => advanced || !model.paused.has(index + 1));
      const lately = counted.slice(-LIMIT);
      const exhausted = model.status === 'queued' && lately.length === LIMIT && !lately.includes(true);
      expect(await ledger.failExhausted(LIMIT)).toEqual(exhausted ? [id] : []);
      if (exhausted) model.status = 'failed';
      return;
    }
    case 'silence': {
      clock.now += made.ms;
      const silent = HELD.includes(model.status) && model.heartbeatAt < clock.now - TIMEOUT_MS;
      expect(await releaseOlder(ledger, clock.now - TIMEOUT_MS)).toEqual(silent ? [id] : []);
      if (silent) model.letGo();
    }
  }
}

/** The job's life under anything that workers, callers and the dispatcher may do, in any order. */
export function stateMachineProperties(name: string, factory: LedgerFactory): void {
  describe(`a job’s life on ${name}`, () => {
    it('follows the rules whatever happens, from whichever attempt and connection', async () => {
      const world = await openWorld(factory);
      try {
        await fc.assert(
          fc.asyncProperty(fc.array(fc.tuple(step, fc.boolean()), { maxLength: 40, size: 'max' }), async (steps) => {
            const model = new Model();
            const { id } = await world.queueJob();
            let revision = 1;
            for (const [made, elsewhere] of steps) {
              await apply(made, model, id, elsewhere ? world.other : world.ledger, world.clock);
              const job = await world.ledger.loadJob(id);
              expect(job).toMatchObject({ status: model.status, attempt: model.attempt });
              expect(job?.finished_at !== null).toBe(ENDED.includes(model.status));
              expect(job?.revision).toBeGreaterThanOrEqual(revision);
              revision = job?.revision ?? 0;
              const attempts = await world.ledger.listAttempts(id);
              expect(attempts.map(({ n }) => n)).toEqual(Array.from({ length: model.attempt }, (_, i) => i + 1));
              // At most one attempt lives, and only while the job is held.
              expect(attempts.filter(({ ended_at }) => ended_at === null).map(({ n }) => n)).toEqual(
                HELD.includes(model.status) ? [model.attempt] : [],
              );
              for (const { n, progress } of attempts) expect(progress === null || progress.by === n).toBe(true);
            }
            expect(await world.ledger.listArtifacts(id)).toHaveLength(model.outputs);
            expect(await world.ledger.listSegments(id)).toHaveLength(model.segments);
            // Out of the way of the next run's dispatching.
            await world.ledger.requestCancel('alice', id);
            await world.ledger.releaseJob(id, model.attempt, 'engine_lost');
          }),
          { numRuns: 60 },
        );
      } finally {
        await world.close();
      }
    }, 60_000);

    it('keeps the queue fair: nobody’s n-th job goes before anybody’s earlier one', async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.constantFrom('alice', 'bob', 'carol'), { maxLength: 12 }),
          fc.integer({ min: 1, max: 5 }),
          async (tenants, limit) => {
            const world = await openWorld(factory);
            try {
              const ids: string[] = [];
              const turnOf = new Map<string, number>();
              const posted = new Map<string, number>();
              for (const tenant of tenants) {
                const { id } = await world.queueJob(tenant);
                const turn = (posted.get(tenant) ?? 0) + 1;
                posted.set(tenant, turn);
                turnOf.set(id, turn);
                ids.push(id);
              }
              const expected = [...ids].sort((one, other) => (turnOf.get(one) ?? 0) - (turnOf.get(other) ?? 0) || (one < other ? -1 : 1));
              expect((await world.ledger.listQueued(100)).map(({ id }) => id)).toEqual(expected);
              expect((await world.ledger.listQueued(100, limit)).map(({ id }) => id)).toEqual(
                expected.filter((id) => (turnOf.get(id) ?? 0) <= limit),
              );
            } finally {
              await world.close();
            }
          },
        ),
        { numRuns: 15 },
      );
    }, 60_000);
  });
}
