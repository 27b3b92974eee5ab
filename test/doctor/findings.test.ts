import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readConfig } from '../../src/config.ts';
import { cpuFinding } from '../../src/doctor/cpu.ts';
import { secretsFinding } from '../../src/doctor/secrets.ts';
import { sqliteFinding } from '../../src/doctor/sqlite.ts';

describe('the key of secrets', () => {
  const DATABASE_URL = 'postgres://espalier@db.example/espalier';
  const key = Buffer.alloc(32, 1).toString('base64');

  it('must be given where the ledger is on Postgres, which several machines may share', () => {
    expect(() => secretsFinding(readConfig({ DATABASE_URL }))).toThrow(/^ESPALIER_SECRETS_KEY is not set, and the ledger is on Postgres/);
    const found = secretsFinding(readConfig({ DATABASE_URL, ESPALIER_SECRETS_KEY: `${key},${key}` }));
    expect(found).toBe('ESPALIER_SECRETS_KEY, 2 keys');
    expect(found).not.toContain(key);
  });

  it('may lie beside a ledger that is a file', () => {
    expect(secretsFinding(readConfig({ ESPALIER_DATA: '/data' }))).toContain('/data/secrets.key');
  });
});

describe('the processor', () => {
  const flags = (names: string) => `model name\t: Some CPU\nflags\t\t: fpu ${names}\n`;

  it('must have AVX, and is slow without AVX2', () => {
    expect(() => cpuFinding(flags('sse4_2'), 'x64')).toThrow('Some CPU has no avx');
    expect(cpuFinding(flags('avx'), 'x64')).toContain('no avx2, fma');
    expect(cpuFinding(flags('avx avx2 fma'), 'x64')).toBe('Some CPU: avx, avx2, fma');
  });

  it('of another kind, or that does not tell, is no fault', () => {
    expect(cpuFinding('', 'arm64')).toContain('arm64');
    expect(cpuFinding('', 'x64')).toContain('not told');
  });
});

describe('a ledger in a file', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'espalier-doctor-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('is locked as a write would, and not changed', async () => {
    const path = join(folder, 'ledger.db');
    expect(await sqliteFinding(path)).toContain('is made when the service starts');
    const database = new DatabaseSync(path);
    database.exec('create table t (a)');
    expect(await sqliteFinding(path)).toContain('can be written');
    expect(database.prepare('select count(*) as n from t').get()).toEqual({ n: 0 });
    database.close();
  });

  it('that is none is a fault', async () => {
    const path = join(folder, 'ledger.db');
    await writeFile(path, 'no database at all, whatever its name says');
    await expect(sqliteFinding(path)).rejects.toThrow(`${path} cannot be written: file is not a database`);
  });
});
