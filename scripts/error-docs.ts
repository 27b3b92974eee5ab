/** Prints docs/errors.md from the table in src/errors.ts: node scripts/error-docs.ts > docs/errors.md */
import { PROBLEMS } from '../src/errors.ts';

const rows = Object.entries(PROBLEMS).map(
  ([code, { status, title, retryable }]) =>
    `| <a id="${code.toLowerCase()}"></a>\`${code}\` | ${status} | ${title} | ${retryable ? 'yes' : 'no'} |`,
);

process.stdout.write(`# Problems

Every error is \`application/problem+json\` (RFC 9457) with a \`code\` from this table; a job that fails carries the same object in \`error\`. \`detail\` says what was
received and what would be accepted, \`errors[]\` points at the places (JSON pointers) in the request. *Retry* says whether the same request may succeed later.

Generated from \`src/errors.ts\`; do not edit.

| code | status | title | retry |
| --- | --- | --- | --- |
${rows.join('\n')}
`);
