/** Puts the table of test/http/access-table.ts into docs/access.md: node scripts/access-docs.ts */
import { readFileSync, writeFileSync } from 'node:fs';
import { withTable } from '../test/http/access-page.ts';

const page = new URL('../docs/access.md', import.meta.url);
writeFileSync(page, withTable(readFileSync(page, 'utf8')));
