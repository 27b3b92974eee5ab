import { Problem } from '../../errors.ts';

/** The problem of an upload without a part that it needs. */
export function missingPart(name: string, what: string, how = 'sent as a file'): Problem {
  const detail = `The part '${name}' is missing: ${what}, ${how}`;
  return new Problem('VALIDATION_FAILED', detail, { items: [{ pointer: `#part:${name}`, detail }] });
}
