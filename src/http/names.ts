import Type from 'typebox';
import { Problem, received } from '../errors.ts';

const LONGEST = 200;

/** A name as the document shows it. */
export const UploadName = Type.String({ minLength: 1, maxLength: LONGEST, pattern: '^[^\\u0000-\\u001f\\u007f-\\u009f]*$' });

/** The name of an upload: the one given, else its file's without the ending, else `fallback`. Throws VALIDATION_FAILED for a given name that is none. */
export function uploadName(given: string | undefined, filename: string | null, fallback: string): string {
  if (given !== undefined) {
    if (given.length >= 1 && given.length <= LONGEST && isPrintable(given)) return given;
    const detail = `A name has 1 to ${LONGEST} characters, none of which controls a terminal`;
    throw new Problem('VALIDATION_FAILED', detail, { items: [{ pointer: '#part:name', detail, received: received(given) }] });
  }
  const base = (filename ?? '')
    .replace(/^.*[\\/]/, '')
    .replace(/(\.gz)?$/, '')
    .replace(/\.[^.]*$/, '');
  const printable = [...base].filter(isPrintable).join('').slice(0, LONGEST).trim();
  return printable || fallback;
}

function isPrintable(text: string): boolean {
  return !/\p{Cc}|\p{Cs}/u.test(text);
}
