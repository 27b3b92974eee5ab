/**
 * Targets of latency on a network of keras.applications with random weights: what the job takes, what it predicts and measures, and whether it says so where
 * the target is not met. node bench/latency-target.ts [options]; prints Markdown.
 *
 *   --network MobileNetV2 --side 96
 *   --kept 0.7            one or several, by commas
 *   --batch 1             samples of a forward pass; one or several
 *   --scope global        or layer, isomorphic
 *
 * Nothing is trained: the images are random, and only times are looked at. Run it alone on the machine.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Job } from '../examples/client.ts';
import { KERAS, ROOT } from './peers/process.ts';
import { secondsOf } from './peers/service.ts';
import { startService } from './service.ts';

const { values: given } = parseArgs({
  options: {
    network: { type: 'string', default: 'MobileNetV2' },
    side: { type: 'string', default: '96' },
    kept: { type: 'string', default: '0.7' },
    batch: { type: 'string', default: '1' },
    scope: { type: 'string', default: 'global' },
  },
});
const { network, side, scope } = given;

interface Told {
  target: { achieved: { latency: number }; interval: { low: number; high: number }; met: boolean };
  receipt: { original: { macs: number }; result: { macs: number } };
  cuts: [{ latency: { timing: { seconds: number }; predicted: number; measured: { value: number; high: number; candidates: number } } }];
}

const folder = mkdtempSync(join(tmpdir(), 'espalier-latency-'));
const service = await startService({ ESPALIER_DEVICE: 'cpu' });
try {
  execFileSync(KERAS, [join(ROOT, 'bench/latency-target/make.py'), folder, network, side], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, ONEDNN_MAX_CPU_ISA: 'AVX2', TF_CPP_MIN_LOG_LEVEL: '3' },
  });
  const { client } = service;
  const model = await client.upload('/v1/models', { file: join(folder, `${network}.keras`) });
  const dataset = await client.upload('/v1/datasets', { file: join(folder, 'images.npz') }, { split: '{"test": 32}' });
  console.log(`${network} at ${side}, random weights, channels by magnitude, scope ${scope}.\n`);
  console.log(
    '| batch | asked | seconds of the job (the table) | candidates | predicted | measured, upper end | in the end, 95 % | met | MACs kept |',
  );
  console.log('| --- | --- | --- | --- | --- | --- | --- | --- | --- |');
  for (const batch of given.batch.split(',').map(Number)) {
    for (const kept of given.kept.split(',').map(Number)) {
      const spec = {
        type: 'prune',
        model_id: model.id,
        dataset_id: dataset.id,
        pruning: {
          criterion: { type: 'magnitude' },
          structure: { type: 'channels' },
          scope,
          target: { latency: kept },
          reestimate_batch_norm: false,
        },
        evaluation: { latency_batch_size: batch },
      };
      console.log(row(batch, kept, await client.run(spec).catch((error: unknown) => error as Error)));
    }
  }
} finally {
  await service.stop();
  rmSync(folder, { recursive: true, force: true });
}

function row(batch: number, kept: number, job: Job | Error): string {
  if (job instanceof Error) return `| ${batch} | ${kept} | ${job.message} |`;
  const { target, receipt, cuts } = job.result as unknown as Told;
  const { timing, predicted, measured } = cuts[0].latency;
  const cells = [
    `${secondsOf(job).toFixed(0)} (${timing.seconds.toFixed(0)})`,
    measured.candidates,
    predicted.toFixed(3),
    `${measured.value.toFixed(3)}, ${measured.high.toFixed(3)}`,
    `${target.achieved.latency.toFixed(3)} (${target.interval.low.toFixed(3)} to ${target.interval.high.toFixed(3)})`,
    target.met ? 'yes' : 'no',
    `${((100 * receipt.result.macs) / receipt.original.macs).toFixed(1)} %`,
  ];
  return `| ${batch} | ${kept} | ${cells.join(' | ')} |`;
}
