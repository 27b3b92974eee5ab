/**
 * The peer of the benchmarks of HTTP, a process of its own: Fastify with nothing around it. `GET /job` answers with a document, `POST /jobs` does the durable
 * writes of a job and adds it to a queue, `POST /upload` hashes what it is sent and keeps none of it, `POST /keep` does the same and puts it on disk.
 *
 * Environment: BARE_FOLDER (of its database), BARE_REDIS (the path of a Unix socket), BARE_DOCUMENT (the file of the document).
 */
import { createHash, randomUUID } from 'node:crypto';
import { createWriteStream, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import multipart from '@fastify/multipart';
import { Queue } from 'bullmq';
import { fastify } from 'fastify';
import { Redis } from 'ioredis';

const { BARE_FOLDER = '', BARE_REDIS = '', BARE_DOCUMENT = '' } = process.env;
const document = JSON.parse(readFileSync(BARE_DOCUMENT, 'utf8'));

const database = new DatabaseSync(join(BARE_FOLDER, 'bare.db'));
database.exec('pragma journal_mode = wal; pragma synchronous = full');
// What the ledger writes of a job: its row, with the indices it is found by, and who made it.
database.exec(`
  create table jobs (id text primary key, tenant text, type text, spec text, model_id text, dataset_id text, parent_job_id text, status text, revision integer, attempt integer,
                     result text, error text, warnings text, created_at integer, queued_at integer);
  create index jobs_by_tenant on jobs (tenant, id);
  create index jobs_by_status on jobs (status, tenant, id);
  create index jobs_by_queue on jobs (status, tenant, queued_at, id);
  create index jobs_by_parent on jobs (parent_job_id);
  create table audit (id text primary key, tenant text, action text, resource_id text, key_id text, request_id text, created_at integer);
  create index audit_by_tenant on audit (tenant, id);
  create index audit_by_time on audit (created_at)`);
const [begin, commit] = [database.prepare('begin immediate'), database.prepare('commit')];
const insertJob = database.prepare("insert into jobs values (?, 'bench', ?, ?, ?, ?, null, 'queued', 1, 0, null, null, '[]', ?, ?)");
const insertAudit = database.prepare("insert into audit values (?, 'bench', 'job.create', ?, 'key', ?, ?)");
const queue = new Queue('bare', { connection: new Redis(BARE_REDIS, { maxRetriesPerRequest: null }), prefix: '{bare}' });

const app = fastify({ bodyLimit: 2 ** 20 });
await app.register(multipart, { limits: { fileSize: 2 ** 40 } });
app.get('/job', async () => document);
app.post('/jobs', async (request, reply) => {
  const { type, model_id, dataset_id } = request.body as Record<string, string>;
  const [id, now] = [randomUUID(), Date.now()];
  begin.run();
  insertJob.run(id, type!, JSON.stringify(document.spec), model_id!, dataset_id!, now, now);
  insertAudit.run(randomUUID(), id, request.id, now);
  commit.run();
  await queue.add('attempt', { job_id: id, attempt: 1 }, { jobId: `${id}-1`, removeOnComplete: true, removeOnFail: true });
  return reply.code(202).send(document);
});
app.post('/upload', async (request) => {
  const hashes: Record<string, string> = {};
  for await (const part of request.parts()) {
    if (part.type !== 'file') continue;
    const hash = createHash('sha256');
    for await (const chunk of part.file) hash.update(chunk);
    hashes[part.fieldname] = hash.digest('hex');
  }
  return hashes;
});
app.post('/keep', async (request) => {
  const hashes: Record<string, string> = {};
  for await (const part of request.parts()) {
    if (part.type !== 'file') continue;
    const hash = createHash('sha256');
    const hashing = new Transform({
      transform(chunk, _encoding, done) {
        hash.update(chunk);
        done(null, chunk);
      },
    });
    const path = join(BARE_FOLDER, randomUUID());
    await pipeline(part.file, hashing, createWriteStream(path, { flush: true }));
    await rm(path);
    hashes[part.fieldname] = hash.digest('hex');
  }
  return hashes;
});
process.send?.({ address: await app.listen({ host: '127.0.0.1', port: 0 }) });
process.on('disconnect', () => process.exit(0));
process.on('SIGTERM', () => process.exit(0));
