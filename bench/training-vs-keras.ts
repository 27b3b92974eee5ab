/**
 * Training speed against stock Keras' `fit` and tfjs' `fit`: node bench/training-vs-keras.ts
 *
 *   --passes 5            how often everything is measured
 *   --networks a,b        of lenet_300_100, lenet_5, residual, lstm, tiny; all unless said otherwise
 *   --trainers a,b        of espalier, keras, tfjs; all unless said otherwise
 *   --keras-xla auto      auto (what Keras chooses), on or off: whether XLA compiles Keras' step
 *   --keras-onednn auto   auto (TensorFlow chooses by the CPU), on or off: whether Keras computes with oneDNN, as ours does
 *   --quick               two passes over a quarter of the data
 *
 * In a pass each trainer trains each network in a process of its own, all with the same samples, batch size, Adam of rate 1e-3 and, but for tfjs, which
 * cannot, a global norm of 1; which trainer begins goes round. Ours is a `TrainingRun` with all it does in a job (series, norms of each layer, guard), in an
 * engine's environment, though at the priority of the others. Keras has arrays in memory and its own choice of everything else. The first epoch warms up
 * and is not measured. Ratios are taken within a pass: their median, and their range. Prints Markdown.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { TrainSpec } from '../src/jobs/spec/index.ts';
import { totalMacs } from '../src/model/costs.ts';
import { readModel } from '../src/model/formats/index.ts';
import { engineEnvironment } from '../src/worker/environment.ts';
import { stepThreads } from '../src/worker/step-threads.ts';
import { type Measured, type Order, prepare, WORKLOADS, type Workload } from './training/workloads.ts';

const TRAINERS = ['espalier', 'keras', 'tfjs'] as const;
type Trainer = (typeof TRAINERS)[number];
type Pass = Partial<Record<Trainer, Measured>>;

const PYTHON = '.toolchain/keras/bin/python';
const { values: given } = parseArgs({
  options: {
    passes: { type: 'string' },
    networks: { type: 'string' },
    trainers: { type: 'string' },
    'keras-xla': { type: 'string', default: 'auto' },
    'keras-onednn': { type: 'string', default: 'auto' },
    quick: { type: 'boolean', default: false },
  },
});
const passes = Number(given.passes ?? (given.quick ? 2 : 5));
const trainers = chosen(given.trainers, TRAINERS);
const networks = chosen(
  given.networks,
  WORKLOADS.map(({ network }) => network),
);
const threads = availableParallelism();

const folder = mkdtempSync(join(tmpdir(), 'espalier-bench-'));
try {
  await finished(PYTHON, ['bench/training/networks.py', folder], keptOf(process.env));
  const results = new Map<Workload, Pass[]>();
  const orders = WORKLOADS.filter(({ network }) => networks.includes(network)).map((workload) => {
    const sized = given.quick ? { ...workload, samples: Math.ceil(workload.samples / workload.batch / 4) * workload.batch } : workload;
    results.set(sized, []);
    return { workload: sized, prepared: prepare(sized, folder) };
  });
  const macs = new Map<string, number>();
  for (const { workload, prepared } of orders) macs.set(workload.network, totalMacs((await readModel(prepared.model)).graph));
  const loads: number[] = [];
  for (let pass = 0; pass < passes; pass++) {
    for (const { workload, prepared } of orders) {
      const measured: Pass = {};
      for (let turn = 0; turn < trainers.length; turn++) {
        const trainer = trainers[(pass + turn) % trainers.length]!;
        loads.push(loadavg()[0]!);
        measured[trainer] = await train(trainer, { ...workload, ...prepared, macs: macs.get(workload.network)!, seed: pass });
        const { wall_ms, cpu_ms, loss } = measured[trainer];
        console.error(
          `pass ${pass + 1}: ${workload.network} ${trainer} ${wall_ms.toFixed(2)} ms, ${cpu_ms.toFixed(2)} CPU-ms, loss ${loss.toFixed(4)}`,
        );
      }
      results.get(workload)!.push(measured);
    }
  }
  console.log(`${passes} passes, ${threads} threads; load average ${span(loads, 1)} when a measurement began.\n`);
  console.log(table(results));
  console.log(`\n${losses(results)}`);
  const tiny = [...results].find(([{ network }]) => network === 'tiny');
  if (tiny) console.log(`\n${fixedCost(tiny[1])}`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function chosen<Name extends string>(list: string | undefined, known: readonly Name[]): Name[] {
  const names = list?.split(',') ?? [...known];
  for (const name of names) if (!known.includes(name as Name)) throw new Error(`There is no ${name}; there are ${known.join(', ')}`);
  return names as Name[];
}

/** As a worker gives a job's engine. */
function threadsOf({ macs, batch }: Order): number {
  return stepThreads(
    { type: 'train', training: { batch_size: batch, micro_batch_size: null } } as TrainSpec,
    { model: macs, teacher: 0 },
    threads,
  );
}

function train(trainer: Trainer, order: Order): Promise<Measured> {
  const argument = JSON.stringify(order);
  const engine = engineEnvironment(process.env, { device: 'cpu', threads: trainer === 'espalier' ? threadsOf(order) : threads });
  switch (trainer) {
    case 'espalier':
      return lastLine(finished(process.execPath, ['bench/training/espalier.ts', argument], engine));
    case 'tfjs':
      return lastLine(finished(process.execPath, ['bench/training/tfjs-fit.ts', argument], engine));
    case 'keras':
      return lastLine(finished(PYTHON, ['bench/training/keras_fit.py', argument, given['keras-xla']], kerasEnvironment()));
  }
}

async function lastLine(output: Promise<string>): Promise<Measured> {
  return JSON.parse((await output).trim().split('\n').at(-1)!) as Measured;
}

function kerasEnvironment(): NodeJS.ProcessEnv {
  const oneDnn = { auto: {}, on: { TF_ENABLE_ONEDNN_OPTS: '1' }, off: { TF_ENABLE_ONEDNN_OPTS: '0' } }[given['keras-onednn']];
  if (!oneDnn) throw new Error(`--keras-onednn is auto, on or off; received ${given['keras-onednn']}`);
  return { ...keptOf(process.env), ...oneDnn };
}

/** The environment without what changes how TensorFlow computes: Keras is measured as it comes. */
function keptOf(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept = Object.entries(environment).filter(([name]) => !/^(TF_|ONEDNN_|DNNL_|XLA_|OMP_|KERAS_)/.test(name));
  return { ...Object.fromEntries(kept), CUDA_VISIBLE_DEVICES: '', TF_CPP_MIN_LOG_LEVEL: '2', KERAS_BACKEND: 'tensorflow' };
}

/** What a process has printed, when it has ended well. */
function finished(command: string, args: string[], env: NodeJS.ProcessEnv): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    let [output, errors] = ['', ''];
    child.stdout.on('data', (text) => {
      output += text;
    });
    child.stderr.on('data', (text) => {
      errors += text;
    });
    child.on('error', reject);
    child.on('close', (code) => (code === 0 ? resolve(output) : reject(new Error(`${command} ${args[0]} ended with ${code}:\n${errors}`))));
  });
}

function table(results: ReadonlyMap<Workload, readonly Pass[]>): string {
  const head = ['network', 'trainer', 'samples/s', 'CPU-ms a step', 'ours, times as fast', 'ours, times less CPU', 'first step, ms', ''];
  const rows = [head, head.map(() => '---')];
  for (const [{ title, batch }, measured] of results) {
    for (const trainer of trainers) {
      const own = measured.map((pass) => pass[trainer]!);
      const ratios = (quantity: 'wall_ms' | 'cpu_ms'): string =>
        trainer === 'espalier' || !trainers.includes('espalier')
          ? ''
          : span(
              measured.map((pass) => pass[trainer]![quantity] / pass.espalier![quantity]),
              2,
            );
      rows.push([
        title,
        trainer,
        median(own.map(({ wall_ms }) => (batch / wall_ms) * 1000)).toFixed(0),
        median(own.map(({ cpu_ms }) => cpu_ms)).toFixed(2),
        ratios('wall_ms'),
        ratios('cpu_ms'),
        median(own.map(({ first_step_ms }) => first_step_ms)).toFixed(0),
        own[0]!.notes ?? '',
      ]);
    }
  }
  return rows.map((row) => `| ${row.join(' | ')} |`).join('\n');
}

/** Whether ours and Keras learn the same: how far their losses are apart, beside how far those of passes, which differ by their seeds, are. */
function losses(results: ReadonlyMap<Workload, readonly Pass[]>): string {
  const lines = ['Mean training loss of the last epoch:'];
  for (const [{ title }, measured] of results) {
    const of = (trainer: Trainer): number[] => measured.flatMap((pass) => pass[trainer]?.loss ?? []);
    const parts = trainers.map((trainer) => `${trainer} ${span(of(trainer), 4)}`);
    const [ours, keras] = [of('espalier'), of('keras')];
    let verdict = '';
    if (ours.length > 0 && keras.length > 0) {
      const apart = Math.max(Math.min(...ours) - Math.max(...keras), Math.min(...keras) - Math.max(...ours));
      verdict =
        apart <= 0 ? '; the ranges of ours and Keras overlap' : `; OURS AND KERAS DISAGREE: their ranges are ${apart.toFixed(4)} apart`;
    }
    lines.push(`- ${title}: ${parts.join(', ')}${verdict}`);
  }
  return lines.join('\n');
}

function fixedCost(measured: readonly Pass[]): string {
  const lines = trainers.map((trainer) => {
    const own = measured.map((pass) => pass[trainer]!);
    return `${trainer} ${span(
      own.map(({ wall_ms }) => wall_ms),
      3,
    )} ms`;
  });
  const empty = measured.flatMap((pass) => pass.espalier?.empty_run_ms ?? []);
  const beyond = measured.flatMap((pass) => (pass.espalier ? pass.espalier.wall_ms - pass.espalier.empty_run_ms! : []));
  const ours = beyond.length > 0 ? `; ours beyond an empty run (${span(empty, 3)} ms): ${span(beyond, 3)} ms` : '';
  return `Fixed cost, a step of the tiny network: ${lines.join(', ')}${ours}.`;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return (sorted[Math.floor(middle)]! + sorted[Math.ceil(middle)]!) / 2;
}

/** The median, and from where to where values go. */
function span(values: readonly number[], digits: number): string {
  if (values.length === 0) return 'none';
  return `${median(values).toFixed(digits)} (${Math.min(...values).toFixed(digits)} to ${Math.max(...values).toFixed(digits)})`;
}
