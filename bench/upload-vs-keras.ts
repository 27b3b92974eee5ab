/**
 * Seconds and peak memory to upload and inspect ResNet-50 (a `.keras` file of 98 MiB), beside `keras.models.load_model` of the same file in a fresh process:
 * node bench/upload-vs-keras.ts [passes, 5]
 *
 * Ours is a POST to a service of its own, from the first byte sent to the 201 with the layer table; its memory is the server's growth while it lasts and the
 * peak of the process that reads the file, each by its VmHWM. Keras' is its whole process, which has to import TensorFlow, and the load alone. The two take
 * turns; numbers are medians, with their range.
 */
import { execFile } from 'node:child_process';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { startService } from './service.ts';

const run = promisify(execFile);
const PYTHON = process.env.ESPALIER_KERAS_PYTHON ?? '.toolchain/keras/bin/python';
const passes = Number(process.argv[2] ?? 5);

/** A field of /proc/PID/status in MiB; 0 where the process has gone. */
async function memory(pid: number | string, field: 'VmHWM' | 'VmRSS' | 'PPid'): Promise<number> {
  const text = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const found = new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(text);
  return found ? Number(found[1]) / (field === 'PPid' ? 1 : 1024) : 0;
}

/** The largest VmHWM of a child of the process, looked at until told to stop. */
function watchChildren(parent: number): () => Promise<number> {
  let watching = true;
  let peak = 0;
  const done = (async () => {
    while (watching) {
      for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
        if ((await memory(pid, 'PPid')) === parent) peak = Math.max(peak, await memory(pid, 'VmHWM'));
      }
      await sleep(20);
    }
  })();
  return async () => {
    watching = false;
    await done;
    return peak;
  };
}

interface Measured {
  seconds: number[];
  mib: number[];
}
const measured = (): Measured => ({ seconds: [], mib: [] });
const ours = { server: measured(), reader: measured() };
const keras = { process: measured(), load: measured() };

const service = await startService();
try {
  const server = await service.part('espalier serve');
  const path = join(service.folder, 'resnet50.keras');
  await run(PYTHON, ['bench/upload/resnet.py', path], { env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: '3' } });
  // The first upload loads what every upload needs.
  await service.client.upload('/v1/models', { file: 'examples/seed/seed.keras' });
  for (let pass = 0; pass < passes; pass++) {
    await writeFile(`/proc/${server}/clear_refs`, '5');
    const before = await memory(server, 'VmRSS');
    const stop = watchChildren(server);
    const started = performance.now();
    await service.client.upload('/v1/models', { file: path });
    const seconds = (performance.now() - started) / 1000;
    ours.reader.mib.push(await stop());
    ours.server.seconds.push(seconds);
    ours.server.mib.push((await memory(server, 'VmHWM')) - before);

    const { stdout } = await run(PYTHON, ['bench/upload/keras_load.py', path], { env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: '3' } });
    const answer = JSON.parse(stdout) as { import_s: number; load_s: number; before_mib: number; peak_mib: number };
    keras.process.seconds.push(answer.import_s + answer.load_s);
    keras.process.mib.push(answer.peak_mib);
    keras.load.seconds.push(answer.load_s);
    keras.load.mib.push(answer.peak_mib - answer.before_mib);
  }
  const { size } = await stat(path);
  console.log(`ResNet-50, ${(size / 2 ** 20).toFixed(0)} MiB, ${passes} passes\n`);
  console.log('| | seconds | peak memory, MiB |\n| --- | --- | --- |');
  console.log(`| Espalier, upload and inspection | ${range(ours.server.seconds, 2)} | |`);
  console.log(`| its server, growth | | ${range(ours.server.mib, 0)} |`);
  console.log(`| its reading process, whole | | ${range(ours.reader.mib, 0)} |`);
  console.log(`| Keras, import and load_model | ${range(keras.process.seconds, 2)} | ${range(keras.process.mib, 0)} |`);
  console.log(`| Keras, load_model alone | ${range(keras.load.seconds, 2)} | ${range(keras.load.mib, 0)} |`);
} finally {
  await service.stop();
}

function range(values: readonly number[], digits: number): string {
  const sorted = [...values].sort((a, b) => a - b);
  return `${sorted[Math.floor(sorted.length / 2)]!.toFixed(digits)} (${sorted[0]!.toFixed(digits)} to ${sorted.at(-1)!.toFixed(digits)})`;
}
