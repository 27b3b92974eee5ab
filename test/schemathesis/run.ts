/**
 * Holds a running service against its OpenAPI document with Schemathesis, all checks on, links followed: node test/schemathesis/run.ts [options of
 * `schemathesis run`], of which `-n 100` examples an operation and phase are the default.
 *
 * Starts `espalier up` with keys of two tenants; each has models, data sets and a job that has ended before the examples begin.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { startService } from '../../bench/service.ts';
import { Client } from '../../examples/client.ts';
import { newKey } from '../../src/http/keys.ts';

const HERE = import.meta.dirname;
const ROOT = resolve(HERE, '../..');
const SCHEMATHESIS = join(ROOT, '.toolchain/peers/schemathesis/bin/schemathesis');
/** Of each kind: examples delete some. */
const UPLOADS = 20;
const JOBS = 3;
/** So many requests come faster than limits let them. */
const UNLIMITED = { ESPALIER_KEY_REQUESTS_PER_MINUTE: '0', ESPALIER_TENANT_REQUESTS_PER_MINUTE: '0' };

if (!existsSync(SCHEMATHESIS)) throw new Error('Schemathesis is not there: run bench/peers/setup.sh schemathesis');
const options = process.argv.slice(2);
const keys = { one: newKey({ tenant: 'one', role: 'admin' }), other: newKey({ tenant: 'other', role: 'admin' }) };
const report = join(ROOT, 'out/schemathesis');
await mkdir(report, { recursive: true });
const keysFile = join(report, 'keys');
await writeFile(
  keysFile,
  `${Object.values(keys)
    .map(({ line }) => line)
    .join('\n')}\n`,
);
const service = await startService({ ESPALIER_API_KEYS_FILE: keysFile, ESPALIER_DEVICE: 'cpu', LOG_LEVEL: 'info', ...UNLIMITED });
try {
  const model = join(ROOT, 'examples/seed/seed.keras');
  const data = join(ROOT, 'examples/seed/data.npz');
  const ids: Record<'mdl' | 'dst' | 'job', string[]> = { mdl: [], dst: [], job: [] };
  for (const [tenant, { secret }] of Object.entries(keys)) {
    const client = new Client(service.address, secret);
    for (let made = 0; made < UPLOADS; made++) {
      const [{ id: model_id }, { id: dataset_id }] = await Promise.all([
        client.upload('/v1/models', { file: model }),
        client.upload('/v1/datasets', { file: data }),
      ]);
      if (tenant === 'one') {
        ids.mdl.push(model_id);
        ids.dst.push(dataset_id);
      }
      if (made < JOBS) {
        const { id } = await client.run({ type: 'train', model_id, dataset_id, training: { epochs: 1 } });
        if (tenant === 'one') ids.job.push(id);
      }
    }
  }
  const wfc = join(service.folder, 'wfc.json');
  const auth = Object.entries(keys).map(([name, { secret }]) => ({
    name,
    fixedHeaders: [{ name: 'Authorization', value: `Bearer ${secret}` }],
  }));
  await writeFile(wfc, JSON.stringify({ auth }));
  const pool = join(service.folder, 'pool.json');
  await writeFile(pool, JSON.stringify({ files: [model, data, join(HERE, 'iris.csv')], ids }));

  const child = spawn(
    SCHEMATHESIS,
    [
      ...['--config-file', join(HERE, 'schemathesis.toml'), 'run', join(ROOT, 'openapi.yaml'), '--url', service.address],
      ...['-n', '100', '--report', 'ndjson,junit', '--report-dir', report, ...options],
    ],
    {
      cwd: HERE,
      env: { ...process.env, PYTHONPATH: HERE, PYTHONDONTWRITEBYTECODE: '1', ESPALIER_WFC: wfc, ESPALIER_POOL: pool },
      stdio: 'inherit',
    },
  );
  process.exitCode = await new Promise<number>((done) => child.once('exit', (code) => done(code ?? 1)));
  const failed = service.lines.filter(({ level }) => level === 'error' || level === 'fatal');
  for (const line of failed.slice(0, 20)) console.error(JSON.stringify(line));
  if (failed.length > 0) {
    console.error(`${failed.length} lines of the service's log are errors`);
    process.exitCode ||= 1;
  }
} finally {
  await service.stop();
}
