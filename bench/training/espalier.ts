/** A workload trained by a TrainingRun, as an engine does it for a job: node bench/training/espalier.ts <order>. Prints a `Measured`. */
import { tmpdir } from 'node:os';
import { openDataset } from '../../src/dataset/batches.ts';
import { owned, remove, Session } from '../../src/engine/graph/session.ts';
import { Reporter } from '../../src/engine/reporter.ts';
import { NO_WARMUP, TrainingRun } from '../../src/engine/run/index.ts';
import { requireNativeTensorFlow, warmUp } from '../../src/engine/tensorflow.ts';
import { Training } from '../../src/jobs/spec/index.ts';
import { readModel } from '../../src/model/formats/index.ts';
import { fillDefaults } from '../../src/schema.ts';
import type { EngineFrame } from '../../src/worker/frames.ts';
import type { Measured, Order } from './workloads.ts';

const order = JSON.parse(process.argv[2]!) as Order;
requireNativeTensorFlow('cpu');
warmUp();

const perEpoch = order.samples / order.batch;
const total = perEpoch * (1 + order.epochs);
const losses: number[] = [];
/** Where an engine would send its frames. */
function emit(frame: EngineFrame): void {
  if (frame.kind !== 'series') return;
  for (const { series, columns, rows, data } of frame.chunks) {
    if (series !== 'step') continue;
    const column = (columns.indexOf('loss') + 2) * rows;
    losses.push(...data.subarray(column, column + rows));
  }
}

const training = fillDefaults(Training, {
  epochs: 1 + order.epochs,
  batch_size: order.batch,
  loss: 'sparse_categorical_crossentropy',
  optimizer: { type: 'adam' },
  clipping: { type: 'global_norm', max_norm: 1 },
}) as Training;
const document = await readModel(order.model);
const reporter = new Reporter(emit, total);
const data = openDataset(order.files, order.facts);

const made = performance.now();
const run = new TrainingRun({
  document,
  teacher: document,
  data,
  training,
  seed: order.seed,
  reporter,
  scratch: tmpdir(),
  checkpointIntervalSeconds: 3600,
  cancelled: () => false,
  pauseRequested: () => false,
  initialOptimizer: null,
  afterCut: NO_WARMUP,
  regularization: null,
  tuning: null,
  rate: null,
});
reporter.enter('training');
run.train(1);
const firstStepMs = performance.now() - made;
run.train(perEpoch);
const cpu = process.cpuUsage();
const began = performance.now();
run.train(total);
const steps = perEpoch * order.epochs;
const wallMs = (performance.now() - began) / steps;
const { user, system } = process.cpuUsage(cpu);
reporter.flush();
const summary = run.summary();
const last = losses.slice(-perEpoch);
const measured: Measured = {
  first_step_ms: firstStepMs,
  wall_ms: wallMs,
  cpu_ms: (user + system) / 1000 / steps,
  loss: last.reduce((sum, loss) => sum + loss, 0) / last.length,
  ...(order.network === 'tiny' ? { empty_run_ms: emptyRunMs() } : {}),
  notes: `${summary.step} step`,
};
run.dispose();
data.close();
console.log(JSON.stringify(measured));

/** A graph of a placeholder and its copy. */
function emptyRunMs(): number {
  const type = (name: string) => ({ name, type: 4, value: 1 });
  const session = new Session([
    { name: 'in', op: 'Placeholder', inputs: [], attributes: [type('dtype'), { name: 'shape', type: 5, value: [] }] },
    { name: 'out', op: 'Identity', inputs: ['in:0'], attributes: [type('T')] },
  ]);
  const value = owned(Float32Array.of(1), [], 'float32');
  const runs = (count: number): number => {
    const start = performance.now();
    for (let index = 0; index < count; index++) for (const id of session.run([value], 'in:0', 'out:0')) remove(id);
    return (performance.now() - start) / count;
  };
  runs(500);
  const ms = runs(2000);
  remove(value);
  session.dispose();
  return ms;
}
