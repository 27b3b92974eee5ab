/** What a comparison came to, out of the rows of its children. */
import type { ArtifactRow, JobRow } from '../../ledger/ledger.ts';
import { type ComparedRun, type Comparison, type Costs, compareRuns } from '../../report/comparison.ts';
import { type ReportedResult, resultOf } from '../../report/result.ts';
import type { Candidate, CompareSpec } from '../spec/index.ts';
import { childrenOf } from './children.ts';
import { isControl } from './controls.ts';

/** Failures that are the candidate's: its numbers were none. */
const NOT_FINITE = ['NON_FINITE_GRADIENT'];

/** The children of a comparison, all of which have ended, and what each left. */
export interface EndedChild {
  row: JobRow;
  artifacts: readonly ArtifactRow[];
}

/** The result of a comparison: `comparison`, and what follows from it for clipping where that is what is compared. */
export function comparisonOf(parent: Pick<JobRow, 'id'>, spec: CompareSpec, children: readonly EndedChild[]): Record<string, unknown> {
  const known = childrenOf(parent.id, spec);
  const runs = Map.groupBy(
    children.flatMap(({ row, artifacts }) => {
      const child = known.get(row.id);
      return child ? [{ name: child.candidate.name, run: runOf(row, artifacts, child.seed) }] : [];
    }),
    ({ name }) => name,
  );
  const candidates = spec.candidates.map((candidate) => ({
    name: candidate.name,
    control: isControl(candidate),
    runs: (runs.get(candidate.name) ?? []).map(({ run }) => run).sort((a, b) => spec.seeds.indexOf(a.seed) - spec.seeds.indexOf(b.seed)),
  }));
  const comparison = compareRuns(candidates, spec.seeds);
  const clipping = spec.candidates[0]!.type === 'train' ? clippingOf(comparison, spec.candidates) : null;
  const best = comparison.candidates.find(({ rank }) => rank === 1);
  const bestRun = best?.runs.find(({ model_id: id }) => id !== null);
  // The model of the best candidate's first seed is a model as good as any other of that rank: one to begin with.
  return { model_id: bestRun?.model_id ?? null, comparison, ...(clipping ? { clipping } : {}) };
}

/** Whether any child came to a model. */
export function hasModels(children: readonly EndedChild[]): boolean {
  return children.some(({ row }) => row.status === 'succeeded');
}

function runOf({ id, status, error, result }: JobRow, artifacts: readonly ArtifactRow[], seed: number): ComparedRun {
  const ended = status as ComparedRun['status'];
  const { selection, receipt, training, model_id: modelId } = resultOf({ result });
  const made = ended === 'succeeded' && selection ? selection : null;
  const finite = made ? Number.isFinite(made.loss.value) : error && NOT_FINITE.includes(error.code) ? false : null;
  const test = receipt?.result.test ?? null;
  return {
    seed,
    job_id: id,
    status: ended,
    error: error && { code: error.code, detail: error.detail },
    finite,
    learned: made && finite && made.constant_loss !== null ? made.loss.value < made.constant_loss : finite,
    model_id: modelId ?? null,
    artifacts: artifacts.map(({ id: artifact, role, format, filename, size_bytes }) => ({
      id: artifact,
      role,
      format,
      filename,
      size_bytes,
    })),
    selection: made && finite ? { loss: made.loss.value, accuracy: made.accuracy?.value ?? null, constant_loss: made.constant_loss } : null,
    test: ended === 'succeeded' && test ? { loss: test.loss.value, accuracy: test.accuracy?.value ?? null } : null,
    costs: ended === 'succeeded' ? costsOf(receipt) : null,
    clipping:
      training?.clipped_fraction === undefined ? null : { fraction: training.clipped_fraction, verdict: training.verdict ?? 'never_fired' },
  };
}

function costsOf(receipt: ReportedResult['receipt']): Costs | null {
  if (!receipt) return null;
  const { parameters, macs, file_bytes, gzip_bytes, esp_bytes } = receipt.result;
  return { parameters, macs, file_bytes, gzip_bytes, esp_bytes, latency_ratio: receipt.latency.at(-1)?.ratio.value ?? 1 };
}

/** What a comparison of trainings says of clipping. */
type ClippingAnswer = NonNullable<ReportedResult['clipping']>;

function clippingOf({ candidates, controls, pairs }: Comparison, asked: readonly Candidate[]): ClippingAnswer {
  const [control] = controls;
  const clipped = candidates.filter((candidate) => !candidate.control);
  const best = clipped.find(({ rank }) => rank !== null) ?? null;
  const told = (a: string, b: string) => pairs.find((pair) => [pair.a, pair.b].includes(a) && [pair.a, pair.b].includes(b))?.better ?? null;
  const chosen = asked.find(({ name }) => name === best?.name);
  const harmed = control !== undefined && clipped.length > 0 && clipped.every(({ name }) => control.better_than.includes(name));
  return {
    helps: !control || clipped.length === 0 ? null : control.beaten_by.length > 0 ? 'yes' : harmed ? 'no' : 'not_shown',
    best: best?.name ?? null,
    tied: best
      ? clipped.filter(({ name, rank }) => name !== best.name && rank !== null && told(best.name, name) === null).map(({ name }) => name)
      : [],
    clipping: chosen?.type === 'train' ? (chosen.training?.clipping ?? null) : null,
  };
}
