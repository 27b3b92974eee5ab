import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startServer, type TestServer } from './harness.ts';
import { EMPTY_FILE } from './insert-key.ts';

describe('the live page', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({ keys: EMPTY_FILE });
  });
  afterAll(() => server.close());

  it('is open, runs files of its own only, and keeps what never changes', async () => {
    const page = await fetch(server.address);
    expect(page.status).toBe(200);
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(page.headers.get('cache-control')).toBe('no-cache');
    const policy = page.headers.get('content-security-policy');
    expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'");
    expect(policy).not.toContain('unsafe');
    const html = await page.text();
    expect(html).not.toMatch(/<script[^>]*>[^<]|<style|\son\w+=/);
    const links = [...html.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map(([, link]) => link as string);
    expect(links.map((link) => link.slice(link.lastIndexOf('.'))).sort()).toEqual(['.css', '.js', '.svg']);
    for (const link of links) {
      const asset = await fetch(new URL(link, server.address));
      expect([asset.status, asset.headers.get('cache-control')]).toEqual([200, 'public, max-age=31536000, immutable']);
      expect(asset.headers.get('content-security-policy')).toBe(policy);
      await asset.body?.cancel();
    }
  });

  it('is told from what is not there, and takes no other method', async () => {
    expect((await fetch(server.address, { method: 'HEAD' })).status).toBe(200);
    expect(await (await fetch(server.address, { method: 'POST' })).json()).toMatchObject({ status: 405 });
    for (const path of ['/assets/none.js', '/assets/', '/assets/..%2f..%2fapp.ts', '/page.ts']) {
      expect(await (await fetch(server.address + path)).json()).toMatchObject({ status: 404, code: 'NOT_FOUND' });
    }
  });
});
