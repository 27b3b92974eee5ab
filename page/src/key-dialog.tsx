import { useEffect, useRef } from 'preact/hooks';

/** Asks for the API key. `onClose` gets the new one, empty for none, or null where nothing changes. */
export function KeyDialog({ open, current, onClose }: { open: boolean; current: string; onClose(key: string | null): void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (!open || !dialog.current || dialog.current.open) return;
    if (field.current) field.current.value = current;
    dialog.current.showModal();
  }, [open, current]);
  const close = (key: string | null) => {
    dialog.current?.close();
    onClose(key);
  };
  return (
    <dialog ref={dialog} aria-labelledby="key-title" onCancel={() => onClose(null)}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          close(field.current?.value.trim() ?? '');
        }}
      >
        <h2 id="key-title">API key</h2>
        <p class="hint" id="key-hint">
          It stays in this tab and is sent in a header. <code>espalier keys create</code> makes one; a server without keys needs none.
        </p>
        <label for="key-field">Key</label>
        <input id="key-field" ref={field} type="password" autoComplete="off" spellcheck={false} aria-describedby="key-hint" />
        <div class="actions">
          <button type="submit">Use this key</button>
          <button type="button" class="quiet" onClick={() => close(null)}>
            Cancel
          </button>
        </div>
      </form>
    </dialog>
  );
}
