// Exits 0 when the container does its work, 1 with a line that says why not:
//
//   healthcheck.mjs          everything is there, a worker too: /readyz answers 200 (for `espalier up`; the image's own check)
//   healthcheck.mjs server   the server answers /healthz (for `espalier serve`, which takes jobs also while the worker or Redis is away)
//   healthcheck.mjs worker   this container's worker is on Redis's list of living workers (for `espalier work`)
import { hostname } from 'node:os';

/** Below the timeout of the image's HEALTHCHECK, so that the reason is told. */
const LIMIT_MS = 4_000;

const CHECKS = {
  service: () => answers('/readyz'),
  server: () => answers('/healthz'),
  worker: isOnTheList,
};

async function answers(path) {
  const { HOST, PORT } = process.env;
  const everywhere = !HOST || HOST === '0.0.0.0' || HOST === '::';
  const host = everywhere ? '127.0.0.1' : HOST.includes(':') ? `[${HOST}]` : HOST;
  const answer = await fetch(`http://${host}:${PORT || 8080}${path}`);
  const text = await answer.text();
  if (answer.status !== 200) throw new Error(`${path} answered ${answer.status}: ${text}`);
}

async function isOnTheList() {
  const [{ readConfig }, { openImpatientRedis }, { listWorkers }, { default: pino }] = await Promise.all([
    import('../src/config.ts'),
    import('../src/jobs/redis.ts'),
    import('../src/jobs/workers.ts'),
    import('pino'),
  ]);
  const { redisUrl, redisTls } = readConfig(process.env);
  const redis = openImpatientRedis(redisUrl, pino({ level: 'silent' }), redisTls);
  await new Promise((resolve) => redis.once('ready', resolve));
  const hosts = (await listWorkers(redis)).map(({ host }) => host);
  if (!hosts.includes(hostname())) throw new Error(`No worker of ${hostname()} is on the list: ${hosts.join(', ') || 'it is empty'}`);
}

const [, , name = 'service'] = process.argv;
const check = CHECKS[name];
if (!check) {
  console.error(`'${name}' is no check; it may be ${Object.keys(CHECKS).join(', ')}`);
  process.exit(2);
}
setTimeout(() => {
  console.error(`Nothing answered in ${LIMIT_MS} ms`);
  process.exit(1);
}, LIMIT_MS);
await check().catch((error) => {
  console.error(error.cause?.message ?? error.message);
  process.exit(1);
});
process.exit(0);
