/** The live page in a browser, as somebody uses it who sees, or who does not. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { expect } from 'vitest';

/** Debian's; scripts/setup.sh test installs it. */
const CHROMIUM = process.env.ESPALIER_CHROMIUM ?? '/usr/bin/chromium';
/** Left for whoever wants to look. */
const PICTURES = 'out/page';

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

export async function openBrowser(): Promise<Browser> {
  if (!existsSync(CHROMIUM)) throw new Error(`There is no ${CHROMIUM}: scripts/setup.sh test installs it, or set ESPALIER_CHROMIUM`);
  await mkdir(PICTURES, { recursive: true });
  // A container has no namespaces to give, nor much shared memory.
  return chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
}

export interface Visit {
  page: Page;
  /** What the page complained of or broke on, and whom it asked but the service. */
  complaints: string[];
  /** Every address it asked for. */
  asked: string[];
}

export async function visit(browser: Browser, address: string, colorScheme: 'light' | 'dark'): Promise<Visit> {
  const context = await browser.newContext({ colorScheme, viewport: { width: 1100, height: 900 }, acceptDownloads: true });
  const page = await context.newPage();
  // The test's own limit ends what takes too long.
  page.setDefaultTimeout(0);
  const complaints: string[] = [];
  const asked: string[] = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    // An answer that is an error is one that the test wants to see.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) complaints.push(message.text());
  });
  page.on('request', (request) => {
    asked.push(request.url());
    if (!/^(blob|data):/.test(request.url()) && new URL(request.url()).origin !== address) complaints.push(`asked ${request.url()}`);
  });
  await page.goto(address);
  return { page, complaints, asked };
}

/** Expects nothing of what axe-core calls serious or critical, and leaves a picture. */
export async function looksRight(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: join(PICTURES, `${name}.png`), fullPage: true });
  await page.evaluate(axe);
  const found = await page.evaluate(async () => {
    const { axe } = globalThis as unknown as {
      axe: { run(): Promise<{ violations: { id: string; impact: string; nodes: { html: string }[] }[] }> };
    };
    const { violations } = await axe.run();
    return violations.map(({ id, impact, nodes }) => `${impact}: ${id}: ${nodes.map(({ html }) => html).join(' ')}`);
  });
  expect(found.filter((finding) => /^(serious|critical)/.test(finding))).toEqual([]);
}

/** Downloads what a link gives. */
export async function downloaded(page: Page, link: string | RegExp): Promise<{ name: string; sha256: string }> {
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: link }).click()]);
  const content = await readFile(await download.path());
  return { name: download.suggestedFilename(), sha256: createHash('sha256').update(content).digest('hex') };
}
