import { ROUTES } from '../../src/http/routes/index.ts';
import { ACCESS } from './access-table.ts';

const BEGIN = '<!-- The table: npm run access-docs -->';
const END = '<!-- End of the table -->';

/** docs/access.md with the table as the routes and what is tested have it. */
export function withTable(page: string): string {
  const [before, rest] = page.split(BEGIN);
  const after = rest?.split(END)[1];
  if (after === undefined) throw new Error(`docs/access.md has no ${BEGIN} and ${END}`);
  const rows = ROUTES.map(({ method, path, access }) => {
    const row = ACCESS[`${method} ${path}`];
    if (!row) throw new Error(`${method} ${path} has no row in test/http/access-table.ts`);
    return `| \`${method} ${path}\` | ${access === 'open' ? 'no key' : access} | ${row.noKey} | ${row.revoked} | ${row.readOnly} | ${row.otherTenant} |`;
  });
  const table = ['| route | needs | no key | revoked | read-only | other tenant |', '| --- | --- | --- | --- | --- | --- |', ...rows].join(
    '\n',
  );
  return `${before}${BEGIN}\n${table}\n${END}${after}`;
}
