import { JobList } from './job-list.tsx';

/** Every job. */
export function JobsView() {
  return (
    <>
      <h1>Jobs</h1>
      <JobList caption="Jobs, newest first">
        <p>
          There are none yet. <a href="#/start">Start one.</a>
        </p>
      </JobList>
    </>
  );
}
