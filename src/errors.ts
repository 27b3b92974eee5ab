/**
 * The one table of problems a caller can meet: code -> HTTP status, title, and whether the same request may succeed later.
 * `docs/errors.md` and the problem types in `openapi.yaml` are generated from it.
 */
export const PROBLEMS = {
  // Requests
  MALFORMED_REQUEST: { status: 400, title: 'The request cannot be read', retryable: false },
  INVALID_JSON: { status: 400, title: 'The body is not valid JSON', retryable: false },
  INVALID_CURSOR: { status: 400, title: 'The page cursor is not one of ours', retryable: false },
  UNAUTHORIZED: { status: 401, title: 'An API key is needed', retryable: false },
  FORBIDDEN: { status: 403, title: 'The API key may not do this', retryable: false },
  NOT_FOUND: { status: 404, title: 'There is no such resource', retryable: false },
  METHOD_NOT_ALLOWED: { status: 405, title: 'The resource does not have this method', retryable: false },
  CONFLICT: { status: 409, title: 'The resource is not in a state that allows this', retryable: false },
  KEY_LIMIT_REACHED: { status: 409, title: 'The tenant has as many keys as it may', retryable: false },
  JOB_HAS_ENDED: { status: 409, title: 'The job has ended', retryable: false },
  JOB_BEING_CANCELLED: { status: 409, title: 'The job is being cancelled', retryable: false },
  JOB_NOT_ENDED: { status: 409, title: 'The job has not ended', retryable: true },
  IDEMPOTENCY_IN_PROGRESS: { status: 409, title: 'The first request with this idempotency key is still running', retryable: true },
  IDEMPOTENCY_MISMATCH: { status: 422, title: 'The idempotency key was used with another request', retryable: false },
  GONE: { status: 410, title: 'The resource was deleted or has expired', retryable: false },
  UPLOAD_OFFSET_MISMATCH: { status: 409, title: 'The upload stands elsewhere', retryable: true },
  UPLOAD_INCOMPLETE: { status: 409, title: 'Not all bytes of the upload have come', retryable: true },
  UPLOAD_CHECKSUM_MISMATCH: { status: 460, title: 'The bytes are not those of the checksum', retryable: true },
  TUS_VERSION_UNSUPPORTED: { status: 412, title: 'The upload is of another version of the protocol', retryable: false },
  PAYLOAD_TOO_LARGE: { status: 413, title: 'The upload is larger than the limit', retryable: false },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, title: 'The media type is not one this call takes', retryable: false },
  RANGE_NOT_SATISFIABLE: { status: 416, title: 'The range lies outside the content', retryable: false },
  VALIDATION_FAILED: { status: 422, title: 'The request does not mean anything the service can do', retryable: false },
  TOO_MANY_REQUESTS: { status: 429, title: 'Too many requests', retryable: true },
  RATE_LIMIT_EXCEEDED: { status: 429, title: 'The key or the tenant has made as many requests as it may', retryable: true },
  INTERNAL: { status: 500, title: 'The service failed', retryable: true },
  UNAVAILABLE: { status: 503, title: 'A part of the service cannot be reached', retryable: true },
  STORAGE_FULL: { status: 507, title: 'The storage is full', retryable: true },

  // Models
  UNSUPPORTED_FORMAT: { status: 422, title: 'The file is not in a format the service reads', retryable: false },
  MODEL_UNREADABLE: { status: 422, title: 'The model file is damaged or incomplete', retryable: false },
  UNSUPPORTED_LAYER: { status: 422, title: 'The model has a layer class the service does not run', retryable: false },
  UNSUPPORTED_LAYER_OPTION: { status: 422, title: 'The model has a layer option the service does not run', retryable: false },
  CUSTOM_CODE_IN_MODEL: { status: 422, title: 'The model needs code of its own, which is never run', retryable: false },
  WEIGHTS_MISMATCH: { status: 422, title: 'The weights do not fit the layers', retryable: false },
  UNSUPPORTED_CONVERSION: { status: 422, title: 'The model cannot be written in this format', retryable: false },
  NON_FINITE_WEIGHTS: { status: 422, title: 'The model holds NaN or infinite weights', retryable: false },

  // Data sets
  DATASET_UNREADABLE: { status: 422, title: 'The data file is damaged or incomplete', retryable: false },
  DATASET_INVALID: { status: 422, title: 'The data do not make a data set', retryable: false },

  // Jobs, at the POST
  MODEL_DATASET_MISMATCH: { status: 422, title: 'The data do not fit the model', retryable: false },
  MODEL_NOT_TRAINABLE: { status: 422, title: 'Jobs do not train the model', retryable: false },
  UNKNOWN_LAYER: { status: 422, title: 'The model has no such layer', retryable: false },
  INCOMPATIBLE_OPTIONS: { status: 422, title: 'The options exclude one another', retryable: false },
  TARGET_OUT_OF_REACH: { status: 422, title: 'The target cannot be reached', retryable: false },
  PLAN_MISMATCH: { status: 422, title: 'The plan is not one of this model', retryable: false },
  NOTHING_TO_PRUNE: { status: 422, title: 'No layer of the model can be pruned this way', retryable: false },
  WEBHOOK_URL_REFUSED: { status: 422, title: 'Webhooks do not go to this URL', retryable: false },
  WEBHOOK_SECRET_MISSING: { status: 422, title: 'The tenant has no secret that could sign its webhooks', retryable: false },
  LABELS_REQUIRED: { status: 422, title: 'The job needs labels and the data set has none', retryable: false },

  // Predictions
  PREDICTION_TIMED_OUT: { status: 503, title: 'The prediction was not ready in time', retryable: true },

  // Jobs, while they run
  NON_FINITE_GRADIENT: { status: 422, title: 'A gradient is NaN or infinite', retryable: false },
  TRAINING_DIVERGED: { status: 422, title: 'The trained model computes NaN or infinity', retryable: false },
  NO_CANDIDATE_LEFT: { status: 422, title: 'No candidate of the comparison came to a model', retryable: false },
  REMOVAL_NOT_EQUIVALENT: { status: 500, title: 'The smaller model does not compute what the masked original computes', retryable: false },
  VERIFICATION_FAILED: { status: 500, title: 'An exported file does not predict what the model in memory predicts', retryable: false },
  MAX_RUNTIME_EXCEEDED: { status: 422, title: 'The job ran longer than it may', retryable: false },
  ATTEMPTS_EXHAUSTED: { status: 500, title: 'The job was attempted as often as it may be', retryable: true },
  ENGINE_FAILED: { status: 500, title: 'The engine failed', retryable: true },
  OUT_OF_MEMORY: { status: 507, title: 'The engine ran out of memory', retryable: true },
} as const satisfies Record<string, { status: number; title: string; retryable: boolean }>;

export type ProblemCode = keyof typeof PROBLEMS;

/** One complaint about one place of a request. `pointer` is a JSON pointer into the body (RFC 6901), or `#part:NAME` for a multipart part. */
export interface ProblemItem {
  pointer: string;
  detail: string;
  /** What stood there, shortened to 200 characters of JSON. */
  received?: string;
}

/** What a caller may do wrong, or what may fail on it, as an exception: becomes `application/problem+json` or a job's `error`. */
export class Problem extends Error {
  readonly code: ProblemCode;
  readonly items: ProblemItem[];
  readonly headers: Record<string, string>;

  constructor(
    code: ProblemCode,
    detail: string,
    options: { items?: ProblemItem[]; headers?: Record<string, string>; cause?: unknown } = {},
  ) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'Problem';
    this.code = code;
    this.items = options.items ?? [];
    this.headers = options.headers ?? {};
  }
}

/**
 * A part that the service stands on, its ledger or its blobs, cannot be reached or does not answer now. A fault that passes, unlike a Problem: workers try
 * again, callers get UNAVAILABLE with Retry-After.
 */
export class Unavailable extends Error {
  constructor(detail: string, cause: unknown) {
    super(detail, { cause });
    this.name = 'Unavailable';
  }
}

/** Whether an error of the file system says that the disk, or a quota on it, is used up. */
export function isFull(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  return code === 'ENOSPC' || code === 'EDQUOT';
}

/** A problem object (RFC 9457) as answers and jobs carry it. */
export interface ProblemDocument {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: ProblemCode;
  retryable: boolean;
  request_id?: string;
  errors?: ProblemItem[];
}

/** The RFC 9457 document of a problem; `type` points into `docs/errors.md`, relative to wherever the service documents itself. */
export function problemDocument(code: ProblemCode, detail: string, items: ProblemItem[] = []): ProblemDocument {
  const { status, title, retryable } = PROBLEMS[code];
  return {
    type: `/docs/errors#${code.toLowerCase()}`,
    title,
    status,
    detail,
    code,
    retryable,
    ...(items.length > 0 ? { errors: items } : {}),
  };
}

/** A value as an error may quote it: JSON, cut at 200 characters; of one that is nested too deep to be written, that it is. */
export function received(value: unknown): string {
  const text = asJson(value);
  return text.length > 200 ? `${text.slice(0, 197)}...` : text;
}

function asJson(value: unknown): string {
  try {
    return JSON.stringify(value) ?? String(value);
  } catch (error) {
    if (error instanceof RangeError) return 'a value nested too deep to be shown';
    throw error;
  }
}
