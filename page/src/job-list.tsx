import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { hasEnded, type Job, type JobSummary, unwrap } from '../../clients/typescript/src/index.ts';
import { bytes, measured, percent, time } from './format.ts';
import { useSession } from './session.ts';

const PAGE = 25;
/** What one request gives. */
const MOST = 100;
const LOOK_EVERY_MS = 3_000;
const LOOK_SELDOM_MS = 15_000;

/** Jobs, newest first, read again while the page is seen: all of them, or those that a comparison is made of. `children` are shown where there are none. */
export function JobList({ caption, parent, children }: { caption: string; parent?: string; children: ComponentChildren }) {
  const { client, fail } = useSession();
  const [jobs, setJobs] = useState<JobSummary[] | null>(null);
  const [count, setCount] = useState(PAGE);
  const [more, setMore] = useState(false);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout>;
    let left = false;
    const again = (after_ms: number) => {
      if (!left && !document.hidden) timer = setTimeout(look, after_ms);
    };
    const look = async () => {
      clearTimeout(timer);
      try {
        const query = { limit: Math.min(count, MOST), ...(parent === undefined ? {} : { parent_job_id: parent }) };
        const page = unwrap(await client.api.GET('/v1/jobs', { params: { query } }));
        if (left) return;
        setJobs(page.data);
        setMore(page.has_more && count < MOST);
        again(page.data.every(hasEnded) ? LOOK_SELDOM_MS : LOOK_EVERY_MS);
      } catch (error) {
        if (left) return;
        setJobs((known) => known ?? []);
        fail(error);
        again(LOOK_SELDOM_MS);
      }
    };
    const seen = () => {
      if (!document.hidden) void look();
    };
    void look();
    document.addEventListener('visibilitychange', seen);
    return () => {
      left = true;
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', seen);
    };
  }, [client, fail, count, parent]);

  if (jobs === null) return <p role="status">Loading…</p>;
  if (jobs.length === 0) return <>{children}</>;
  return (
    <>
      <div class="table">
        <table>
          <caption class="hidden">{caption}</caption>
          <thead>
            <tr>
              <th scope="col">Job</th>
              <th scope="col">Type</th>
              <th scope="col">Status</th>
              <th scope="col">Progress</th>
              <th scope="col">Result</th>
              <th scope="col">Made</th>
            </tr>
          </thead>
          <tbody>
            {jobs.map((job) => (
              <tr key={job.id}>
                <th scope="row">
                  <a href={`#/jobs/${job.id}`}>{job.id}</a>
                </th>
                <td>{job.type}</td>
                <td>
                  <Status job={job} />
                </td>
                <td class="number">{job.progress ? percent(job.progress.fraction) : '–'}</td>
                <td>{outcome(job)}</td>
                <td>{time(job.created_at)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {more && (
        <button type="button" class="quiet" onClick={() => setCount(count + PAGE)}>
          Show more
        </button>
      )}
    </>
  );
}

/** What came of a job, in a few words. */
function outcome({ error, headline }: JobSummary): string {
  if (error) return error.code;
  if (headline === null) return '–';
  const { accuracy, file_bytes: file, verdict, best_candidate: best, tied } = headline;
  const parts = [
    best && `best: ${best}${tied ? ', and others not told from it' : ''}`,
    accuracy && `accuracy ${measured(100 * accuracy.original)} → ${measured(100 * accuracy.result)} %`,
    file && `${bytes(file.original)} → ${bytes(file.result)}`,
    verdict && `checks ${verdict}`,
  ];
  return parts.filter(Boolean).join('; ') || '–';
}

export function Status({ job }: { job: Pick<Job, 'status'> }) {
  return <span class={`status ${job.status}`}>{job.status}</span>;
}
