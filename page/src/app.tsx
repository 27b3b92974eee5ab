import { useCallback, useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { ProblemError } from '../../clients/typescript/src/index.ts';
import { JobView } from './job.tsx';
import { JobsView } from './jobs.tsx';
import { KeyDialog } from './key-dialog.tsx';
import { type Place, usePlace } from './place.ts';
import { clientFor, SessionContext, storedKey, storeKey } from './session.ts';
import { StartView } from './start.tsx';

const TITLES: Record<Place['view'], string> = { jobs: 'Jobs', job: 'Job', start: 'New job' };

export function App() {
  const place = usePlace();
  const [key, setKey] = useState(storedKey);
  const [asking, setAsking] = useState(false);
  const [failure, setFailure] = useState<string | null>(null);
  const main = useRef<HTMLElement>(null);
  const client = useMemo(() => clientFor(key), [key]);
  const fail = useCallback((error: unknown) => {
    if (error instanceof ProblemError && error.code === 'UNAUTHORIZED') {
      setAsking(true);
      return;
    }
    setFailure(error instanceof Error ? error.message : String(error));
  }, []);
  const session = useMemo(() => ({ client, key, fail }), [client, key, fail]);

  const where = JSON.stringify(place);
  const shown = useRef(where);
  useEffect(() => {
    document.title = `${TITLES[place.view]} – Espalier`;
    if (shown.current === where) return;
    shown.current = where;
    setFailure(null);
    // As after the loading of a page: readers begin at its heading.
    main.current?.focus();
  }, [where]);

  return (
    <SessionContext.Provider value={session}>
      <button type="button" class="skip" onClick={() => main.current?.focus()}>
        Skip to content
      </button>
      <header>
        <a class="brand" href="#/jobs">
          Espalier
        </a>
        <nav aria-label="Main">
          <a href="#/jobs" aria-current={place.view === 'jobs' ? 'page' : undefined}>
            Jobs
          </a>
          <a href="#/start" aria-current={place.view === 'start' ? 'page' : undefined}>
            New job
          </a>
          <a href="/docs">API</a>
        </nav>
        <button type="button" class="quiet" onClick={() => setAsking(true)}>
          {key === '' ? 'Set key' : 'Change key'}
        </button>
      </header>
      <main ref={main} id="main" tabIndex={-1}>
        <div role="alert">
          {failure !== null && (
            <p class="failure">
              {failure}{' '}
              <button type="button" class="quiet" onClick={() => setFailure(null)}>
                Dismiss
              </button>
            </p>
          )}
        </div>
        {/* Everything is read anew under another key. */}
        <View key={key} place={place} />
      </main>
      <KeyDialog
        open={asking}
        current={key}
        onClose={(chosen) => {
          setAsking(false);
          if (chosen === null) return;
          storeKey(chosen);
          setKey(chosen);
          setFailure(null);
        }}
      />
    </SessionContext.Provider>
  );
}

function View({ place }: { place: Place }) {
  switch (place.view) {
    case 'jobs':
      return <JobsView />;
    case 'job':
      return <JobView key={place.id} id={place.id} />;
    case 'start':
      return <StartView model={place.model} />;
  }
}
