import { Problem } from '../../errors.ts';

/** The problem of an upload without a part that it needs. */
export function missingPart(name: string, what: string): Problem {
  const detail = `The part '${name}' is missing: ${what}, sent as a file`;
  return new Problem('VALIDATION_FAILED', detail, { items: [{ pointer: `#part:${name}`, detail }] });
}
