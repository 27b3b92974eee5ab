/** A job in a list: where it stands and what came of it in a few figures, without what it was asked for, its whole result and its files. */
import Type, { type Static } from 'typebox';
import type { JobRow } from '../ledger/ledger.ts';
import { type ReportedResult, resultOf } from '../report/result.ts';
import { choice, nullable, strictObject } from '../schema.ts';
import { DatasetId } from './spec/index.ts';
import { ModelId } from './spec/model-id.ts';
import { JobView, jobView } from './view.ts';

const claim = choice(['proven', 'not_proven', 'refuted']);
const sides = (description: string) => nullable(strictObject({ original: Type.Number(), result: Type.Number() }, { description }));

export const Headline = strictObject(
  {
    model_id: nullable(Type.String({ description: 'The model the job made.' })),
    accuracy: sides('On the test split. Null without one, and where nothing is decided.'),
    loss: sides('On the test split.'),
    parameters: sides('Of the models.'),
    macs: sides('Multiply-accumulates of a sample.'),
    file_bytes: sides('Of the files, in the result’s first format.'),
    claims: nullable(strictObject({ smaller: claim, faster: claim, as_accurate: claim })),
    target_met: nullable(Type.Boolean({ description: 'Whether a pruning came to its target.' })),
    verdict: nullable(choice(['passed', 'failed'], { description: 'Of `evaluation.thresholds`.' })),
    best_candidate: nullable(
      Type.String({ description: 'Of a comparison, the first of those that are ranked; `tied` says whether it is alone.' }),
    ),
    tied: nullable(Type.Boolean({ description: 'Of a comparison, whether others cannot be told from the best.' })),
  },
  { title: 'Headline', description: 'The result in figures; null where it has none of the kind.' },
);
export type Headline = Static<typeof Headline>;

const { spec: _, resumed_from_step: __, result: ___, warnings: ____, artifacts: _____, ...known } = JobView.properties;

/** A job in a list. */
export const JobSummary = strictObject(
  { ...known, model_id: ModelId, dataset_id: DatasetId, headline: nullable(Headline) },
  { title: 'JobSummary', description: 'A job without its specification, result, warnings and artifacts: `GET /v1/jobs/{id}` has them.' },
);
export type JobSummary = Static<typeof JobSummary>;

/** The summary of a row; `parts` as the whole view takes them, but for the artifacts. */
export function jobSummary(row: JobRow, parts: Omit<Parameters<typeof jobView>[1], 'artifacts'>): JobSummary {
  const { spec, resumed_from_step, result, warnings, artifacts, ...known } = jobView(row, { ...parts, artifacts: [] });
  const { model_id, dataset_id } = row;
  return { ...known, model_id, dataset_id, headline: row.result && headlineOf(resultOf(row)) };
}

function headlineOf({ model_id: modelId, receipt, target, checks, comparison }: ReportedResult): Headline {
  const both = (of: (side: Side) => number | null | undefined): Headline['parameters'] => {
    const [original, result] = [receipt && of(receipt.original), receipt && of(receipt.result)];
    // A loss that is not finite is none.
    return Number.isFinite(original) && Number.isFinite(result) ? { original: original!, result: result! } : null;
  };
  const first = comparison?.candidates.filter(({ rank }) => rank === 1) ?? [];
  return {
    model_id: modelId ?? null,
    accuracy: both(({ test }) => test?.accuracy?.value),
    loss: both(({ test }) => test?.loss.value),
    parameters: both(({ parameters }) => parameters),
    macs: both(({ macs }) => macs),
    file_bytes: both(({ file_bytes: bytes }) => bytes),
    claims: receipt
      ? {
          smaller: receipt.claims.smaller.verdict,
          faster: receipt.claims.faster.verdict,
          as_accurate: receipt.claims.as_accurate.verdict,
        }
      : null,
    target_met: target?.met ?? null,
    verdict: checks?.verdict ?? null,
    best_candidate: first[0]?.name ?? null,
    tied: comparison ? first.length > 1 : null,
  };
}

type Side = Receipt['original'] | Receipt['result'];
type Receipt = NonNullable<ReportedResult['receipt']>;
