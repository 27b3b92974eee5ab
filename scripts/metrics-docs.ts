/** Puts the table of src/metrics/catalogue.ts into docs/metrics.md: node scripts/metrics-docs.ts */
import { readFileSync, writeFileSync } from 'node:fs';
import { withMetrics } from '../test/metrics/metrics-page.ts';

const page = new URL('../docs/metrics.md', import.meta.url);
writeFileSync(page, withMetrics(readFileSync(page, 'utf8')));
