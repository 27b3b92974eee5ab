import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseKeyLine } from '../../src/http/key-line.ts';
import { hashSecret } from '../../src/http/keys.ts';
import { VERSION } from '../../src/version.ts';
import { ROOT } from './dockerfile.ts';

const run = promisify(execFile);

describe('the entrypoint', () => {
  let folder = '';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'espalier-entrypoint-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const entrypoint = (word: string, keys: string) =>
    run(join(ROOT, 'docker/entrypoint.sh'), [word], { env: { PATH: process.env.PATH, ESPALIER_API_KEYS_FILE: keys } });

  it('prints the first key once and keeps its hash alone', async () => {
    const keys = join(folder, 'api-keys');
    const { stdout } = await entrypoint('first-key', keys);
    const secret = /^esp_\S+$/m.exec(stdout)?.[0] ?? '';
    const text = await readFile(keys, 'utf8');
    expect(parseKeyLine(text)).toMatchObject({ hash: hashSecret(secret), role: 'admin' });
    expect(text).not.toContain(secret);
    expect((await stat(keys)).mode & 0o777).toBe(0o600);

    expect((await entrypoint('first-key', keys)).stdout).toBe('');
    expect(await readFile(keys, 'utf8')).toBe(text);
  });

  it('prints one key when two containers start at once', async () => {
    const keys = join(folder, 'api-keys');
    const outputs = await Promise.all([1, 2, 3].map(() => entrypoint('first-key', keys)));
    const secrets = outputs.flatMap(({ stdout }) => stdout.match(/^esp_\S+$/gm) ?? []);
    expect(secrets).toHaveLength(1);
    expect(parseKeyLine(await readFile(keys, 'utf8'))?.hash).toEqual(hashSecret(secrets[0] ?? ''));
  });

  it('adds a key to those that are there', async () => {
    const keys = join(folder, 'api-keys');
    await entrypoint('first-key', keys);
    const before = await readFile(keys, 'utf8');
    const secret = /^esp_\S+$/m.exec((await entrypoint('add-key', keys)).stdout)?.[0] ?? '';
    const after = await readFile(keys, 'utf8');
    expect(after.startsWith(before)).toBe(true);
    expect(parseKeyLine(after.slice(before.length))?.hash).toEqual(hashSecret(secret));
  });

  it('says what to do when the file cannot be made, and does not start the server', async () => {
    await expect(entrypoint('serve', join(folder, 'missing/api-keys'))).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`${folder}/missing/api-keys cannot be made: mount one there`),
    });
  });

  it('hands every other word to espalier', async () => {
    const keys = join(folder, 'api-keys');
    expect((await entrypoint('--version', keys)).stdout).toBe(`${VERSION}\n`);
    await expect(stat(keys)).rejects.toThrow('ENOENT');
  });
});
