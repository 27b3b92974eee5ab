import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { withMetrics } from './metrics-page.ts';

it('docs/metrics.md has every metric of the catalogue', async () => {
  const page = await readFile(new URL('../../docs/metrics.md', import.meta.url), 'utf8');
  expect(withMetrics(page) === page, 'docs/metrics.md is not that of the catalogue: node scripts/metrics-docs.ts').toBe(true);
});
