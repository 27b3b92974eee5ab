/** The parts of an upload that together are one data set. */
import { invalid } from './complaints.ts';

export interface DatasetPart {
  name: 'x' | 'y' | 'x_test' | 'y_test' | 'file';
  path: string;
  /** As the caller named it; nothing depends on it. */
  filename: string | null;
}

const ACCEPTED =
  'Accepted are one part file (npz, CSV, or a zip of images in class folders), or parts x, y, x_test and y_test (IDX) of which y and the test pair may be left out';

/** Refuses parts that do not make one data set. Throws DATASET_INVALID. */
export function checkParts(parts: readonly DatasetPart[]): void {
  const names = parts.map(({ name }) => name);
  const refuse = (name: string, detail: string) => invalid(`#part:${name}`, `${detail}. ${ACCEPTED}`, { received: names });
  const has = (name: DatasetPart['name']) => names.includes(name);
  for (const [index, name] of names.entries()) {
    if (!['x', 'y', 'x_test', 'y_test', 'file'].includes(name)) throw refuse(name, `#part:${name} is not a part of a data set`);
    if (names.indexOf(name) !== index) throw refuse(name, `#part:${name} was sent more than once`);
  }
  if (has('file')) {
    const other = names.find((name) => name !== 'file');
    if (other !== undefined) throw refuse(other, `#part:${other} was sent beside #part:file`);
    return;
  }
  if (!has('x')) throw refuse('file', names.length === 0 ? 'No data were sent' : '#part:x is missing');
  if (has('y_test') && !has('x_test')) throw refuse('x_test', '#part:y_test was sent without #part:x_test');
  if (has('x_test') && has('y') !== has('y_test')) {
    const missing = has('y') ? 'y_test' : 'y';
    throw refuse(missing, `#part:${missing} is missing: labels are needed for both x and x_test, or for neither`);
  }
}
