/** The two problems a data set can have, with the place of the request they are about. */
import { Problem, type ProblemItem, received } from '../errors.ts';

/** A DATASET_UNREADABLE: the bytes are not what their format says. `pointer` is `#part:NAME`. */
export function unreadable(pointer: string, detail: string, options: { received?: unknown; cause?: unknown } = {}): Problem {
  return complaint('DATASET_UNREADABLE', pointer, detail, options);
}

/** A DATASET_INVALID: the bytes can be read but do not make a data set. `pointer` is `#part:NAME`. */
export function invalid(pointer: string, detail: string, options: { received?: unknown; cause?: unknown } = {}): Problem {
  return complaint('DATASET_INVALID', pointer, detail, options);
}

function complaint(
  code: 'DATASET_UNREADABLE' | 'DATASET_INVALID',
  pointer: string,
  detail: string,
  options: { received?: unknown; cause?: unknown },
): Problem {
  const item: ProblemItem = { pointer, detail };
  if (options.received !== undefined) item.received = received(options.received);
  return new Problem(code, detail, { items: [item], cause: options.cause });
}
