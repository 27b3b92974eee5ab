import { useEffect, useRef, useState } from 'preact/hooks';
import { type Capabilities, type Dataset, type JobRequest, type Model, ProblemError, unwrap } from '../../clients/typescript/src/index.ts';
import { Fields, Form, type Resource } from './form/field.tsx';
import { type JsonObject, type Schema, withField } from './form/schema.ts';
import { words } from './format.ts';
import { useSession } from './session.ts';
import { UploadDataset, UploadModel } from './uploads.tsx';

/** A job is put together: what it works on, its type, and the form that the service's schema of that type makes. */
export function StartView({ model }: { model: string | null }) {
  const { client, fail } = useSession();
  const [capabilities, setCapabilities] = useState<Capabilities | null>(null);
  const [models, setModels] = useState<Resource[]>([]);
  const [datasets, setDatasets] = useState<Resource[]>([]);
  const [type, setType] = useState('prune');
  const [spec, setSpec] = useState<JsonObject>(model === null ? {} : { model_id: model });
  const [problem, setProblem] = useState<ProblemError | null>(null);
  const [busy, setBusy] = useState(false);
  const summary = useRef<HTMLDivElement>(null);

  useEffect(() => {
    const query = { params: { query: { limit: 100 } } };
    const load = async () => {
      const [able, modelPage, datasetPage] = await Promise.all([
        client.api.GET('/v1/capabilities'),
        client.api.GET('/v1/models', query),
        client.api.GET('/v1/datasets', query),
      ]);
      setCapabilities(unwrap(able));
      setModels(unwrap(modelPage).data);
      setDatasets(unwrap(datasetPage).data);
    };
    load().catch(fail);
  }, [client, fail]);
  useEffect(() => {
    if (problem) summary.current?.focus();
  }, [problem]);

  const schema = capabilities?.jobs[type] as Schema | undefined;
  const uploaded = (field: 'model_id' | 'dataset_id', made: Model | Dataset) => {
    const add = field === 'model_id' ? setModels : setDatasets;
    add((known) => [made, ...known]);
    setSpec((known) => withField(known, field, made.id));
  };
  const start = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setProblem(null);
    try {
      const job = await client.createJob({ type, ...spec } as unknown as JobRequest);
      location.hash = `#/jobs/${job.id}`;
    } catch (error) {
      if (error instanceof ProblemError && error.status === 422) setProblem(error);
      else fail(error);
    } finally {
      setBusy(false);
    }
  };
  /** What two types have in common stays. */
  const change = (next: string) => {
    const known = (capabilities?.jobs[next] as Schema | undefined)?.properties ?? {};
    setSpec((set) => Object.fromEntries(Object.entries(set).filter(([name]) => name in known)));
    setType(next);
    setProblem(null);
  };

  const errors = new Map((problem?.problem.errors ?? []).map(({ pointer, detail }) => [pointer, detail]));
  return (
    <>
      <h1>New job</h1>
      <div class="uploads">
        <UploadModel onDone={(made) => uploaded('model_id', made)} />
        <UploadDataset onDone={(made) => uploaded('dataset_id', made)} />
      </div>
      {capabilities === null && <p role="status">Loading…</p>}
      {schema && (
        <Form.Provider value={{ models, datasets, errors }}>
          <form onSubmit={start} noValidate>
            <fieldset class="types">
              <legend>Type of job</legend>
              {Object.keys(capabilities?.jobs ?? {}).map((name) => (
                <label class="check" key={name}>
                  <input type="radio" name="type" checked={type === name} onChange={() => change(name)} />
                  {words(name)}
                </label>
              ))}
            </fieldset>
            {schema.description && <p class="hint">{schema.description}</p>}
            {problem && (
              <div class="failure" role="alert" ref={summary} tabIndex={-1}>
                <p>
                  <strong>{problem.code}</strong>: {problem.problem.detail}
                </p>
                <ul>
                  {(problem.problem.errors ?? []).map(({ pointer, detail }) => (
                    <li key={pointer}>
                      <a
                        href={location.hash}
                        onClick={(event) => {
                          event.preventDefault();
                          document.getElementById(pointer)?.focus();
                        }}
                      >
                        {words(pointer.slice(1).replaceAll('/', ' › '))}
                      </a>
                      : {detail}
                    </li>
                  ))}
                </ul>
              </div>
            )}
            <Fields key={type} schema={schema} pointer="" value={spec} onChange={setSpec} />
            <details>
              <summary>What is posted</summary>
              {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard. */}
              <pre tabIndex={0}>{JSON.stringify({ type, ...spec }, null, 2)}</pre>
            </details>
            <div class="actions">
              <button type="submit" class="main" disabled={busy}>
                {busy ? 'Starting…' : 'Start the job'}
              </button>
            </div>
          </form>
        </Form.Provider>
      )}
    </>
  );
}
