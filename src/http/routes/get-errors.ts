import { PROBLEMS } from '../../errors.ts';
import { route } from '../route.ts';
import { Text } from '../schemas.ts';

const ROWS = Object.entries(PROBLEMS).map(
  ([code, { status, title, retryable }]) =>
    `<tr id="${code.toLowerCase()}"><td><code>${code}</code></td><td>${status}</td><td>${title}</td><td>${retryable ? 'yes' : 'no'}</td></tr>`,
);

const PAGE = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Espalier: problem types</title></head>
<body><h1>Problem types</h1>
<p>Every error is a problem object (RFC 9457). Its <code>code</code> is one of these; its <code>type</code> points here.</p>
<table border="1" cellpadding="4"><thead><tr><th>Code</th><th>Status</th><th>Meaning</th><th>May succeed later</th></tr></thead>
<tbody>
${ROWS.join('\n')}
</tbody></table></body></html>
`;

/** Where the `type` of every problem leads. */
export const getErrors = route({
  method: 'GET',
  path: '/docs/errors',
  operationId: 'getProblemTypes',
  summary: 'Every problem type',
  tag: 'Service',
  access: 'open',
  answers: { 200: { description: 'A page with an anchor for every code.', content: { 'text/html': { schema: Text } } } },

  async handle({ reply }) {
    return reply.type('text/html; charset=utf-8').send(PAGE);
  },
});
