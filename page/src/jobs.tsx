import { useEffect, useState } from 'preact/hooks';
import { hasEnded, type Job, unwrap } from '../../clients/typescript/src/index.ts';
import { percent, time } from './format.ts';
import { useSession } from './session.ts';

const PAGE = 25;
const LOOK_EVERY_MS = 3_000;
const LOOK_SELDOM_MS = 15_000;

/** The list of jobs, newest first, read again while the page is seen. */
export function JobsView() {
  const { client, fail } = useSession();
  const [jobs, setJobs] = useState<Job[] | null>(null);
  const [count, setCount] = useState(PAGE);
  const [more, setMore] = useState(false);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout>;
    let left = false;
    const look = async () => {
      clearTimeout(timer);
      try {
        const page = unwrap(await client.api.GET('/v1/jobs', { params: { query: { limit: Math.min(count, 100) } } }));
        if (left) return;
        setJobs(page.data);
        setMore(page.has_more && count < 100);
        timer = setTimeout(look, page.data.every(hasEnded) ? LOOK_SELDOM_MS : LOOK_EVERY_MS);
      } catch (error) {
        if (left) return;
        setJobs((known) => known ?? []);
        fail(error);
        timer = setTimeout(look, LOOK_SELDOM_MS);
      }
    };
    const seen = () => {
      if (document.hidden) clearTimeout(timer);
      else void look();
    };
    void look();
    document.addEventListener('visibilitychange', seen);
    return () => {
      left = true;
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', seen);
    };
  }, [client, fail, count]);

  return (
    <>
      <h1>Jobs</h1>
      {jobs === null && <p role="status">Loading…</p>}
      {jobs?.length === 0 && (
        <p>
          There are none yet. <a href="#/start">Start one.</a>
        </p>
      )}
      {jobs !== null && jobs.length > 0 && (
        <div class="table">
          <table>
            <caption class="hidden">Jobs, newest first</caption>
            <thead>
              <tr>
                <th scope="col">Job</th>
                <th scope="col">Type</th>
                <th scope="col">Status</th>
                <th scope="col">Progress</th>
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
                  <td>{time(job.created_at)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {more && (
        <button type="button" class="quiet" onClick={() => setCount(count + PAGE)}>
          Show more
        </button>
      )}
    </>
  );
}

export function Status({ job }: { job: Pick<Job, 'status'> }) {
  return <span class={`status ${job.status}`}>{job.status}</span>;
}
