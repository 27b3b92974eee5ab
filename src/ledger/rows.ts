/** Between the rows of the port and the rows of the tables: documents become text and come back. */
import type { Selectable } from 'kysely';
import type {
  ArtifactRow,
  AttemptRow,
  CheckpointRow,
  DatasetRow,
  DeliveryAttemptRow,
  DeliveryRow,
  JobRow,
  ModelRow,
  SegmentRow,
} from './ledger.ts';
import {
  type ArtifactTable,
  type AttemptTable,
  type CheckpointTable,
  type DatasetTable,
  type DeliveryAttemptTable,
  type DeliveryTable,
  DOCUMENT_VERSION,
  type JobTable,
  type ModelTable,
  type SegmentTable,
} from './tables.ts';

export function storedModel(row: ModelRow): ModelTable {
  return { ...row, facts: JSON.stringify(row.facts), schema_version: DOCUMENT_VERSION, purged_at: null };
}

export function modelRow({ schema_version, purged_at: _, ...stored }: Selectable<ModelTable>): ModelRow {
  return { ...stored, facts: readable(schema_version, stored.facts) };
}

export function storedDataset({ blob_keys, blob_sha256, ...row }: DatasetRow): DatasetTable {
  return {
    ...row,
    sha256: JSON.stringify(row.sha256),
    blob_key_x: blob_keys.x,
    blob_key_y: blob_keys.y,
    blob_key_w: blob_keys.w,
    blob_key_order: blob_keys.order,
    blob_sha256: blob_sha256 && JSON.stringify(blob_sha256),
    facts: JSON.stringify(row.facts),
    schema_version: DOCUMENT_VERSION,
    purged_at: null,
  };
}

export function datasetRow(stored: Selectable<DatasetTable>): DatasetRow {
  const { schema_version, blob_key_x, blob_key_y, blob_key_w, blob_key_order, blob_sha256, purged_at: _, ...row } = stored;
  return {
    ...row,
    sha256: JSON.parse(row.sha256),
    blob_keys: { x: blob_key_x, y: blob_key_y, w: blob_key_w, order: blob_key_order },
    blob_sha256: blob_sha256 === null ? null : JSON.parse(blob_sha256),
    facts: readable(schema_version, row.facts),
  };
}

export function storedArtifact(row: ArtifactRow): ArtifactTable {
  return { ...row, purged_at: null };
}

export function artifactRow({ purged_at: _, ...stored }: Selectable<ArtifactTable>): ArtifactRow {
  return stored;
}

export function storedJob(row: JobRow): JobTable {
  return {
    ...row,
    spec: JSON.stringify(row.spec),
    schema_version: DOCUMENT_VERSION,
    result: row.result && JSON.stringify(row.result),
    error: row.error && JSON.stringify(row.error),
    warnings: JSON.stringify(row.warnings),
    queued_at: row.created_at,
    purged_at: null,
  };
}

export function jobRow({ schema_version, queued_at: _, purged_at: __, ...stored }: Selectable<JobTable>): JobRow {
  const spec = readable<JobRow['spec']>(schema_version, stored.spec);
  return {
    ...stored,
    type: spec.type,
    spec,
    result: stored.result === null ? null : JSON.parse(stored.result),
    error: stored.error === null ? null : JSON.parse(stored.error),
    warnings: JSON.parse(stored.warnings),
  };
}

export function attemptRow({ checkpoint_step: _, ...stored }: Selectable<AttemptTable>): AttemptRow {
  return { ...stored, progress: stored.progress === null ? null : JSON.parse(stored.progress) };
}

export function storedSegment(row: SegmentRow): SegmentTable {
  return { ...row, series: JSON.stringify(row.series) };
}

export function segmentRow(stored: Selectable<SegmentTable>): SegmentRow {
  return { ...stored, series: JSON.parse(stored.series) };
}

export function storedCheckpoint({ best, ...row }: CheckpointRow): CheckpointTable {
  return { ...row, best_metric: best?.metric ?? null, best_value: best?.value ?? null };
}

export function checkpointRow({ best_metric, best_value, ...stored }: Selectable<CheckpointTable>): CheckpointRow {
  return { ...stored, best: best_metric === null || best_value === null ? null : { metric: best_metric, value: best_value } };
}

export function deliveryRow(stored: Selectable<DeliveryTable>): DeliveryRow {
  return { ...stored, event: stored.event as DeliveryRow['event'] };
}

export function deliveryAttemptRow(stored: Selectable<DeliveryAttemptTable>): DeliveryAttemptRow {
  return { ...stored, error: stored.error as DeliveryAttemptRow['error'] };
}

/** A document, or an error where a newer version of the service wrote it. */
function readable<Document>(version: number, text: string): Document {
  if (version > DOCUMENT_VERSION) {
    throw new Error(`The ledger holds a document of version ${version}; this version of Espalier reads up to ${DOCUMENT_VERSION}`);
  }
  return JSON.parse(text);
}
