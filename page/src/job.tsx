import { useState } from 'preact/hooks';
import { hasEnded, type Job } from '../../clients/typescript/src/index.ts';
import { Chart } from './chart.tsx';
import { CHARTS } from './curves.ts';
import { Epochs } from './epochs.tsx';
import { FileLink } from './file-link.tsx';
import { bytes, percent, time, whole, words } from './format.ts';
import { JobList, Status } from './job-list.tsx';
import { useSession } from './session.ts';
import { useJob } from './use-job.ts';

/** One job as it happens. */
export function JobView({ id }: { id: string }) {
  const { client, fail } = useSession();
  const { job, samples } = useJob(client, id, fail);
  const series = [samples.step, samples.epoch, samples.prune];
  return (
    <>
      <h1>
        {job ? `${job.type} job` : 'Job'} <code>{id}</code>
      </h1>
      {job === null ? (
        <p role="status">Loading…</p>
      ) : (
        <>
          <Where job={job} />
          <Actions job={job} />
          {job.parent_job_id !== null && (
            <p>
              Part of the comparison <a href={`#/jobs/${job.parent_job_id}`}>{job.parent_job_id}</a>
            </p>
          )}
          {job.error && (
            <p class="failure">
              <strong>{job.error.code}</strong>: {job.error.detail}
            </p>
          )}
          {job.warnings.length > 0 && (
            <details>
              <summary>Warnings ({job.warnings.length})</summary>
              <ul>
                {job.warnings.map(({ code, detail }) => (
                  <li key={code + detail}>
                    <strong>{code}</strong>: {detail}
                  </li>
                ))}
              </ul>
            </details>
          )}
          <Result job={job} />
          {job.type === 'compare' && (
            <section aria-labelledby="made-of">
              <h2 id="made-of">Jobs that it is made of</h2>
              <JobList caption="Jobs of the comparison, newest first" parent={job.id}>
                <p>There are none.</p>
              </JobList>
            </section>
          )}
          <section aria-label="Curves">
            {CHARTS.map((chart) => (
              <Chart key={chart.title} chart={chart} series={series} />
            ))}
            <Epochs samples={samples.epoch} />
          </section>
          <details>
            <summary>Specification</summary>
            {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard. */}
            <pre tabIndex={0}>{JSON.stringify(job.spec, null, 2)}</pre>
          </details>
        </>
      )}
    </>
  );
}

function Where({ job }: { job: Job }) {
  const { progress } = job;
  const eta = progress?.eta_s;
  return (
    <section aria-label="Progress">
      {/* Said when the status or the phase changes, not with every step. */}
      <p role="status">
        <Status job={job} />
        {job.queue_position !== null && `, ${whole(job.queue_position)} before it`}
        {progress && !hasEnded(job) && `, ${progress.phase}`}
      </p>
      {progress && (
        <p>
          <progress aria-label="Progress of the job" max={1} value={progress.fraction} /> {percent(progress.fraction)}, step{' '}
          {whole(progress.step)} of {whole(progress.total_steps)}
          {eta && `, ${Math.round(eta.low)} to ${Math.round(eta.high)} s left`}
        </p>
      )}
      <dl class="facts">
        <dt>Made</dt>
        <dd>{time(job.created_at)}</dd>
        <dt>Started</dt>
        <dd>{time(job.started_at)}</dd>
        <dt>Ended</dt>
        <dd>{time(job.finished_at)}</dd>
        {job.attempt > 1 && (
          <>
            <dt>Attempt</dt>
            <dd>
              {job.attempt}
              {job.resumed_from_step !== null && `, from step ${whole(job.resumed_from_step)}`}
            </dd>
          </>
        )}
      </dl>
    </section>
  );
}

function Actions({ job }: { job: Job }) {
  const { client, fail } = useSession();
  const [busy, setBusy] = useState(false);
  const ask = (action: 'pause' | 'resume' | 'cancel') => async () => {
    setBusy(true);
    try {
      await client.send(`/v1/jobs/${job.id}/${action}`, { method: 'POST' });
    } catch (error) {
      fail(error);
    } finally {
      setBusy(false);
    }
  };
  const { pause, resume, cancel } = job.links;
  return (
    <div class="actions">
      {pause && (
        <button type="button" disabled={busy} onClick={ask('pause')}>
          Pause
        </button>
      )}
      {resume && (
        <button type="button" disabled={busy} onClick={ask('resume')}>
          Resume
        </button>
      )}
      {cancel && (
        <button type="button" disabled={busy} onClick={ask('cancel')}>
          Cancel
        </button>
      )}
      <FileLink path={`/v1/jobs/${job.id}/report`} filename={`${job.id}.html`} opens>
        Report
      </FileLink>
    </div>
  );
}

interface Receipt {
  original: Record<string, unknown>;
  result: Record<string, unknown>;
  claims: Record<string, { verdict: string; reason: string }>;
}

const COMPARED = ['parameters', 'zeros', 'macs', 'file_bytes'] as const;

function Result({ job }: { job: Job }) {
  const receipt = job.result?.receipt as Receipt | undefined;
  const made = job.result?.model_id;
  if (job.artifacts.length === 0 && !receipt) return null;
  return (
    <section aria-labelledby="result">
      <h2 id="result">Result</h2>
      {receipt && (
        <>
          <ul class="claims">
            {Object.entries(receipt.claims).map(([claim, { verdict, reason }]) => (
              <li key={claim}>
                {words(claim)}: <strong class={verdict}>{words(verdict)}</strong> <span class="hint">({reason})</span>
              </li>
            ))}
          </ul>
          <div class="table">
            <table>
              <caption>The report has the rest: accuracy, latency, and what is not proven.</caption>
              <thead>
                <tr>
                  <th scope="col">Measured</th>
                  <th scope="col" class="number">
                    Original
                  </th>
                  <th scope="col" class="number">
                    Result
                  </th>
                </tr>
              </thead>
              <tbody>
                {COMPARED.map((name) => (
                  <tr key={name}>
                    <th scope="row">{words(name)}</th>
                    {[receipt.original, receipt.result].map((side, index) => (
                      <td class="number" key={index}>
                        {typeof side[name] === 'number' ? whole(side[name]) : '–'}
                      </td>
                    ))}
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </>
      )}
      {job.artifacts.length > 0 && (
        <>
          <h3>Files</h3>
          <ul class="files">
            {job.artifacts.map(({ id, role, format, filename, size_bytes, links }) => (
              <li key={id}>
                <FileLink path={links.content} filename={filename}>
                  Download {filename}
                </FileLink>{' '}
                <span class="hint">
                  {words(role)}, {format}, {bytes(size_bytes)}
                </span>
              </li>
            ))}
          </ul>
        </>
      )}
      {typeof made === 'string' && (
        <p>
          <a href={`#/start/${made}`}>Start another job with this model</a>
        </p>
      )}
    </section>
  );
}
