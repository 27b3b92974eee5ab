/**
 * One network of the zoo, cut to half of its multiply-accumulates: node bench/zoo/cut.ts <file.keras> <inputs> <shape> <cut.keras> <outputs>. A process
 * of its own: every time is that of a first call. Prints a ZooRow as JSON; writes the smaller network and what it makes of the inputs, raw float32.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { forward } from '../../src/engine/network.ts';
import { proveRemoval } from '../../src/engine/proof.ts';
import { tf } from '../../src/engine/tensorflow.ts';
import { Variables } from '../../src/engine/variables.ts';
import { parameterCount, totalMacs } from '../../src/model/costs.ts';
import { readModel } from '../../src/model/formats/index.ts';
import { writeKeras } from '../../src/model/formats/keras.ts';
import { allocate } from '../../src/pruning/allocation.ts';
import { groupsToCut } from '../../src/pruning/candidates.ts';
import type { ScoredUnits } from '../../src/pruning/criteria/index.ts';
import { magnitude } from '../../src/pruning/criteria/magnitude.ts';
import { channelMap } from '../../src/pruning/groups.ts';
import { prunability } from '../../src/pruning/inspect.ts';
import { macsMeasure } from '../../src/pruning/measures.ts';
import { unitScores } from '../../src/pruning/scores.ts';
import { removeUnits } from '../../src/pruning/surgery.ts';
import { generator } from '../../src/random.ts';

/** What became of one network; seconds of one call each. */
export interface ZooRow {
  parameters: { before: number; after: number };
  macs: { before: number; after: number };
  groups: number;
  /** Layers whose units stay, with the reason. */
  frozen: { layers: string[]; reason: string }[];
  proof: { relative_difference: number; tolerance: number; holds: boolean; vacuous: boolean };
  seconds: { read: number; prunability: number; plan: number; surgery: number };
}

const KEPT = 0.5;

async function main(): Promise<void> {
  const [file, inputs, shape, smallerFile, outputs] = process.argv.slice(2) as [string, string, string, string, string];
  const seconds = { read: 0, prunability: 0, plan: 0, surgery: 0 };
  const timed = <Result>(part: keyof typeof seconds, work: () => Result): Result => {
    const began = performance.now();
    const result = work();
    seconds[part] = (performance.now() - began) / 1000;
    return result;
  };
  const began = performance.now();
  const original = await readModel(file);
  seconds.read = (performance.now() - began) / 1000;
  const { groups } = timed('prunability', () => prunability(original));
  const { map, removed } = timed('plan', () => {
    const map = channelMap(original.graph);
    const layers = { exclude: [], overrides: {} };
    const { groups } = groupsToCut(map, { criterion: { type: 'magnitude', p: 2 }, structure: LIMITS, scope: 'global', layers });
    const rule = magnitude(2).units as ScoredUnits<'nothing'>;
    const scores = unitScores(map, groups, original.weights, rule, null, generator(0, 'zoo'));
    const limits = {
      ...LIMITS,
      overrides: {},
      scope: 'global' as const,
      measure: macsMeasure(map),
      limit: KEPT * totalMacs(original.graph),
    };
    return { map, removed: allocate(map, groups, scores, limits) };
  });
  const smaller = timed('surgery', () => removeUnits(original, map, removed));
  const bytes = await readFile(inputs);
  const x = tf.tensor(new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4), JSON.parse(shape));
  const { relative_difference, tolerance, holds, vacuous } = proveRemoval(original, smaller, map, removed, [x]);
  const variables = Variables.from(smaller.weights);
  const [made] = forward(smaller.graph, (key) => variables.read(key), [x], { training: false });
  await writeFile(outputs, new Uint8Array(made!.dataSync<'float32'>().slice().buffer));
  await writeFile(smallerFile, await writeKeras(smaller));
  const row: ZooRow = {
    parameters: { before: parameterCount(original.graph).total, after: parameterCount(smaller.graph).total },
    macs: { before: totalMacs(original.graph), after: totalMacs(smaller.graph) },
    groups: groups.length,
    frozen: groups.flatMap(({ layers, frozen }) => (frozen === null ? [] : [{ layers, reason: frozen.reason }])),
    proof: { relative_difference, tolerance, holds, vacuous },
    seconds,
  };
  console.log(JSON.stringify(row));
}

const LIMITS = { type: 'channels', round_to: 1, min_channels: 1, max_ratio: 0.9 } as const;

await main();
