/**
 * What gradient clipping does, over HTTP: a recurrent network on the adding problem at a high learning rate, five seeds, with and without clipping.
 * node examples/clipping/demo.ts [rule...]; rules are those of recipes.ts, none and global_norm unless said otherwise.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, type Job } from '../client.ts';
import { useService } from '../service.ts';
import { progressOf, timed } from '../terminal.ts';
import { writeAddingProblem } from './adding-problem.ts';
import { RULES, trainJob } from './recipes.ts';

const SEEDS = [0, 1, 2, 3, 4];
const HERE = import.meta.dirname;
const rules = process.argv.length > 2 ? process.argv.slice(2) : ['none', 'global_norm'];
const folder = mkdtempSync(join(tmpdir(), 'espalier-clipping-'));
const service = await timed('Starting the service', useService);
try {
  const client = new Client(service.address);
  const data = join(folder, 'adding.npz');
  await writeAddingProblem(data, { steps: 30, train: 20_000, test: 2_000 });
  const dataset = await client.upload('/v1/datasets', { file: data }, { split: JSON.stringify({ selection: 0.05 }) });
  const lines: string[] = [];
  for (const rule of rules) {
    for (const seed of SEEDS) {
      const model = await client.upload('/v1/models', { file: join(HERE, `adding_${seed}.keras`) });
      const progress = progressOf(`${rule}, seed ${seed}`);
      const spec = { ...trainJob(RULES[rule]!, seed), model_id: model.id, dataset_id: dataset.id };
      const outcome = await client.run(spec, progress.watch).then(finished, (error: Error) => error.message.replace(/^.*failed: /, ''));
      progress.done();
      lines.push(`| ${rule} | ${seed} | ${outcome} |`);
    }
  }
  console.log(`\n| clipping | seed | outcome |\n| --- | --- | --- |\n${lines.join('\n')}\n\nPredicting the mean has an error of 0.167.\n`);
} finally {
  await service.stop();
  rmSync(folder, { recursive: true, force: true });
}

function finished({ result }: Job): string {
  const { receipt, training } = result as unknown as {
    receipt: { result: { test: { loss: { value: number } } } };
    training: { clipped_fraction: number; verdict: string };
  };
  const clipped = `clipped on ${(100 * training.clipped_fraction).toFixed(1)} % of the steps (${training.verdict})`;
  return `test error ${receipt.result.test.loss.value.toFixed(4)}, ${clipped}`;
}
