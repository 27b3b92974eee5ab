/** What else the record of a job holds: stages, verification, files, times, warnings, and the specification. */
import type { JobReport } from '../../job-report.ts';
import { bytes, count, duration, instant, percent, significant } from '../../numbers.ts';
import { resultOf } from '../../result.ts';
import { type Html, html, shortened } from '../html.ts';
import { table } from '../table.ts';

const MOST_SPECIFICATION = 60_000;
const MOST_DETAIL = 2_000;

export function stagesSection({ job }: JobReport): Html | null {
  const { recipe } = resultOf(job);
  if (!recipe?.stages || recipe.stages.length === 0) return null;
  return html`<section aria-labelledby="stages"><h2 id="stages">Stages of the recipe “${recipe.name}”</h2>
${table({
  caption: 'What each stage left; errors on the selection split',
  head: ['Stage', '.esp file', '.keras file', 'Parameters', 'Not zero', 'Loss', 'Error', 'Time'],
  rows: recipe.stages.map((stage) => [
    stage.name.replaceAll('_', ' '),
    bytes(stage.esp_bytes),
    bytes(stage.keras_bytes),
    count(stage.parameters),
    count(stage.weights_kept),
    significant(stage.selection?.loss?.value),
    percent(stage.selection?.error, 2),
    duration(stage.seconds),
  ]),
})}</section>`;
}

export function verificationSection({ job }: JobReport): Html | null {
  const { verification = [] } = resultOf(job);
  if (verification.length === 0 && job.artifacts.length === 0) return null;
  return html`<section aria-labelledby="files"><h2 id="files">Files</h2>
${
  verification.length === 0
    ? null
    : table({
        caption: 'Each file was loaded again and predicted inputs that it was not made with',
        head: ['File', 'Loaded in', 'Samples', 'Largest relative difference', 'Limit', 'Verdict'],
        texts: [1, 5],
        rows: verification.map(({ format, runtime, version, samples, max_relative_difference, limit, not_verified }) => [
          format ?? '–',
          [runtime, version].filter(Boolean).join(' '),
          count(samples),
          significant(max_relative_difference, 2),
          significant(limit, 2),
          not_verified ? html`<span class="open">not verified</span>: ${not_verified.code}` : html`<span class="good">the same</span>`,
        ]),
      })
}
${
  job.artifacts.length === 0
    ? null
    : table({
        caption: 'What the job left; /v1/artifacts/{id}/content has it',
        head: ['File', 'What', 'Size', 'Id', 'SHA-256'],
        texts: [1, 3, 4],
        rows: job.artifacts.map(({ id, role, format, filename, size_bytes, sha256 }) => [
          filename,
          `${role}, ${format}`,
          bytes(size_bytes),
          html`<code>${id}</code>`,
          html`<code>${sha256.slice(0, 16)}…</code>`,
        ]),
      })
}</section>`;
}

export function warningsSection({ job }: JobReport): Html | null {
  if (job.warnings.length === 0) return null;
  return html`<section aria-labelledby="warnings"><h2 id="warnings">Warnings</h2>
${table({
  caption: 'What was unusual and did not stop the job',
  head: ['Code', 'What'],
  texts: [1],
  rows: job.warnings.map(({ code, detail }) => [html`<code>${code}</code>`, shortened(detail, MOST_DETAIL)]),
})}</section>`;
}

export function recordSection({ job, model, dataset }: JobReport): Html {
  const { seconds = {}, model_id: made } = resultOf(job);
  const specification = shortened(JSON.stringify(job.spec, null, 2), MOST_SPECIFICATION);
  return html`<section aria-labelledby="record"><h2 id="record">Record</h2>
${table({
  caption: 'The job',
  head: ['What', 'Value'],
  texts: [1],
  rows: [
    ['Job', html`<code>${job.id}</code>`],
    ['Model', html`${model.name} <code>${model.id}</code>`],
    ['Data set', html`${dataset.name} <code>${dataset.id}</code>`],
    ...(made ? [['Model made', html`<code>${made}</code>`]] : []),
    job.spec.type === 'compare' ? ['Seeds', job.spec.seeds.join(', ')] : ['Seed', `${job.spec.seed}`],
    ['Posted', instant(job.created_at)],
    ['First step', instant(job.started_at)],
    ['Ended', instant(job.finished_at)],
    ['Attempts', count(job.attempt)],
    ...Object.entries(seconds).map(([phase, spent]) => [`Time ${phase}`, duration(spent)]),
    ...Object.entries(job.spec.metadata).map(([name, value]) => [`Label ${name}`, value]),
  ],
})}
<details><summary>The specification with every default</summary>
<pre>${specification}</pre></details></section>`;
}
