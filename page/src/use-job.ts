import { useEffect, useState } from 'preact/hooks';
import {
  type Client,
  hasEnded,
  type Job,
  type JobEvent,
  type Series,
  StreamUnavailableError,
  unwrap,
} from '../../clients/typescript/src/index.ts';
import { appended, COLUMNS, POINTS, rewound, type Sample, samplesOf } from './curves.ts';

type Drawn = Extract<Series, 'step' | 'epoch' | 'prune'>;
const DRAWN: readonly Drawn[] = ['step', 'epoch', 'prune'];

export interface Live {
  job: Job | null;
  samples: Record<Drawn, Sample[]>;
}

/** No place of any job: the stream then begins with the job as it is, and goes on with what comes. What was before is had in fewer points. */
const FROM_NOW_ON = 'now';
/** Rows come many a second; charts are drawn so often. */
const DRAW_EVERY_MS = 250;

/** A job and its curves as they happen. */
export function useJob(client: Client, id: string, fail: (error: unknown) => void): Live {
  const [live, setLive] = useState<Live>({ job: null, samples: { step: [], epoch: [], prune: [] } });
  useEffect(() => {
    const leaving = new AbortController();
    const { signal } = leaving;
    let next: Live = { job: null, samples: { step: [], epoch: [], prune: [] } };
    let drawing: ReturnType<typeof setTimeout> | undefined;
    const draw = () => {
      drawing ??= setTimeout(() => {
        drawing = undefined;
        setLive(next);
      }, DRAW_EVERY_MS);
    };
    const follow = async () => {
      try {
        for await (const event of client.follow(id, { columns: COLUMNS, after: FROM_NOW_ON, signal })) {
          if (event.event === 'reset') next = { ...next, samples: await storedSamples(client, id, signal) };
          next = changed(next, event);
          draw();
        }
      } catch (error) {
        if (!(error instanceof StreamUnavailableError)) throw error;
        for (let job: Job | null = null; job === null || !hasEnded(job); ) {
          const answer = await client.send(`/v1/jobs/${id}`, { headers: { prefer: 'wait=5' }, signal });
          job = (await answer.json()) as Job;
          next = { job, samples: await storedSamples(client, id, signal) };
          draw();
        }
      }
      // The last rows are written down shortly before the end.
      next = { ...next, samples: await storedSamples(client, id, signal) };
      draw();
    };
    follow().catch((error) => {
      if (!signal.aborted) fail(error);
    });
    return () => {
      leaving.abort();
      clearTimeout(drawing);
    };
  }, [client, id, fail]);
  return live;
}

function changed(live: Live, { event, data }: JobEvent): Live {
  switch (event) {
    case 'job':
    case 'end':
      return { ...live, job: data };
    case 'reset':
      return { ...live, job: data.job };
    case 'progress':
      return live.job && !hasEnded(live.job) ? { ...live, job: { ...live.job, ...data } } : live;
    case 'rows':
      return mapped(live, (samples, series) => {
        const rows = data.filter((row) => row.series === series);
        return rows.length === 0 ? samples : appended(samples, rows);
      });
    case 'rewound':
      return mapped(live, (samples) => rewound(samples, data.to_step));
  }
}

function mapped(live: Live, change: (samples: Sample[], series: Drawn) => Sample[]): Live {
  const { step, epoch, prune } = live.samples;
  return { ...live, samples: { step: change(step, 'step'), epoch: change(epoch, 'epoch'), prune: change(prune, 'prune') } };
}

async function storedSamples(client: Client, id: string, signal: AbortSignal): Promise<Live['samples']> {
  const read = async (series: Drawn) => {
    const query = { series, points: POINTS, columns: COLUMNS.join(',') };
    const answer = unwrap(await client.api.GET('/v1/jobs/{id}/metrics', { params: { path: { id }, query }, signal }));
    return typeof answer === 'object' && 'points' in answer ? samplesOf(answer) : [];
  };
  const [step, epoch, prune] = await Promise.all(DRAWN.map(read));
  return { step: step ?? [], epoch: epoch ?? [], prune: prune ?? [] };
}
