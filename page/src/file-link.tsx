import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { useSession } from './session.ts';

/**
 * A link to bytes of the service. A browser follows links without the key, so with one the bytes are fetched and handed over as a file, which a page would
 * not be free to show either: it would be bound by this page's policy.
 */
export function FileLink({
  path,
  filename,
  opens = false,
  children,
}: {
  path: string;
  filename: string;
  opens?: boolean;
  children: ComponentChildren;
}) {
  const { client, key, fail } = useSession();
  const [busy, setBusy] = useState(false);
  if (key === '') {
    return (
      <a href={path} {...(opens ? { target: '_blank', rel: 'noreferrer' } : { download: filename })}>
        {children}
      </a>
    );
  }
  const fetchFile = async (event: Event) => {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    try {
      const address = URL.createObjectURL(await (await client.send(path)).blob());
      const link = document.createElement('a');
      link.href = address;
      link.download = filename;
      link.click();
      // The browser takes it up when this turn is over.
      setTimeout(() => URL.revokeObjectURL(address), 60_000);
    } catch (error) {
      fail(error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <a href={path} onClick={fetchFile} aria-busy={busy}>
      {children}
    </a>
  );
}
