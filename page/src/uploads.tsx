import { useState } from 'preact/hooks';
import type { Dataset, Model } from '../../clients/typescript/src/index.ts';
import { useSession } from './session.ts';

/** Sends a form, and says how it went. */
function useUpload<Made extends { id: string; name: string }>(onDone: (made: Made) => void) {
  const { fail } = useSession();
  const [state, setState] = useState<{ busy: boolean; told: string }>({ busy: false, told: '' });
  const send = async (event: SubmitEvent, upload: (form: FormData) => Promise<Made>) => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    setState({ busy: true, told: 'Uploading…' });
    try {
      const made = await upload(new FormData(form));
      setState({ busy: false, told: `${made.name} is uploaded and chosen below.` });
      form.reset();
      onDone(made);
    } catch (error) {
      setState({ busy: false, told: '' });
      fail(error);
    }
  };
  return { ...state, send };
}

export function UploadModel({ onDone }: { onDone(made: Model): void }) {
  const { client } = useSession();
  const { busy, told, send } = useUpload(onDone);
  return (
    <form
      class="card"
      aria-labelledby="upload-model"
      onSubmit={(event) => send(event, (form) => client.uploadModel(form.getAll('file') as File[]))}
    >
      <h2 id="upload-model">Upload a model</h2>
      <label for="model-file">Model file</label>
      <input id="model-file" name="file" type="file" required multiple aria-describedby="model-hint" />
      <p class="hint" id="model-hint">
        .keras, .h5, .esp or a zip; TensorFlow.js and safetensors as several files too.
      </p>
      <button type="submit" disabled={busy}>
        Upload model
      </button>
      <p role="status">{told}</p>
    </form>
  );
}

export function UploadDataset({ onDone }: { onDone(made: Dataset): void }) {
  const { client } = useSession();
  const { busy, told, send } = useUpload(onDone);
  const upload = (form: FormData) => {
    const text = (name: string) => String(form.get(name) ?? '').trim();
    const held = (name: string) => (text(name) === '' ? {} : { [name]: Number(text(name)) });
    const fields = Object.fromEntries(['scale', 'label_column'].filter((name) => text(name) !== '').map((name) => [name, text(name)]));
    return client.uploadDataset(form.get('file') as File, { split: { ...held('selection'), ...held('test') }, fields });
  };
  return (
    <form class="card" aria-labelledby="upload-data" onSubmit={(event) => send(event, upload)}>
      <h2 id="upload-data">Upload a data set</h2>
      <label for="data-file">Data file</label>
      <input id="data-file" name="file" type="file" required aria-describedby="data-hint" />
      <p class="hint" id="data-hint">
        .npz with x and y, CSV, or a zip of images in class folders.
      </p>
      <details>
        <summary>How it is read</summary>
        <label for="data-selection">Held out for choices</label>
        <input id="data-selection" name="selection" type="number" min="0" step="any" defaultValue="0.1" />
        <label for="data-test">Held out for the receipt</label>
        <input id="data-test" name="test" type="number" min="0" step="any" defaultValue="0.1" />
        <p class="hint">Fractions below 1, or numbers of samples; samples that come with the file count before.</p>
        <label for="data-scale">Scale</label>
        <input id="data-scale" name="scale" type="text" placeholder="1/255 for images of bytes" />
        <label for="data-label">Label column (CSV)</label>
        <input id="data-label" name="label_column" type="text" />
      </details>
      <button type="submit" disabled={busy}>
        Upload data set
      </button>
      <p role="status">{told}</p>
    </form>
  );
}
