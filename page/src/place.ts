/** Which view is shown: what stands behind the # of the address, `#/jobs/job_…`. */
import { useEffect, useState } from 'preact/hooks';

export type Place = { view: 'jobs' } | { view: 'job'; id: string } | { view: 'start'; model: string | null };

export function placeOf(hash: string): Place {
  const [view, id] = hash.replace(/^#\/?/, '').split('/');
  if (view === 'start') return { view: 'start', model: id ?? null };
  if (view === 'jobs' && id) return { view: 'job', id };
  return { view: 'jobs' };
}

export function usePlace(): Place {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const changed = () => setHash(location.hash);
    addEventListener('hashchange', changed);
    return () => removeEventListener('hashchange', changed);
  }, []);
  return placeOf(hash);
}
