import { Problem } from '../../errors.ts';

/** Throws a problem of data that came as the part `dataset`, which are called `file` where they come alone; any other error as it is. */
export function asDatasetPart(error: unknown): never {
  throw renamed(error, (text) => text.replaceAll('#part:file', '#part:dataset').replaceAll('one part file ', 'one part dataset '));
}

/** The same of what a body of JSON names, which a form has as parts. */
export function asField(error: unknown): never {
  throw renamed(error, (text) => text.replaceAll('#part:', '/'));
}

function renamed(error: unknown, rename: (text: string) => string): unknown {
  if (!(error instanceof Problem)) return error;
  const items = error.items.map((item) => ({ ...item, pointer: rename(item.pointer), detail: rename(item.detail) }));
  return new Problem(error.code, rename(error.message), { items, headers: error.headers, cause: error.cause });
}
