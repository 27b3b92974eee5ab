/** What a cut leaves of every tiny network loads in stock Keras, which predicts what the engine does. */
import { mkdtempSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { forward } from '../../src/engine/network.ts';
import { tf } from '../../src/engine/tensorflow.ts';
import { Variables } from '../../src/engine/variables.ts';
import { writeKeras } from '../../src/model/formats/keras.ts';
import { channelMap } from '../../src/pruning/groups.ts';
import { removeUnits } from '../../src/pruning/surgery.ts';
import { documentOf, randomFill } from '../helpers/documents.ts';
import { drawn, tensorOf } from '../helpers/engine.ts';
import { HAZARDS } from '../helpers/hazards.ts';
import { type KerasArray, startKeras } from '../helpers/keras.ts';
import { relativeDistance } from '../helpers/numbers.ts';

const keras = startKeras();

it('networks with a unit less in every group predict the same in stock Keras', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'espalier-hazards-'));
  try {
    const cases = [];
    for (const [index, [name, { config }]] of Object.entries(HAZARDS).entries()) {
      const original = documentOf(config, randomFill(9));
      const map = channelMap(original.graph);
      const removed = new Uint8Array(map.unitCount);
      for (const group of map.groups) if (!group.frozen && group.units.length > 1) removed[group.units[1]!] = 1;
      const smaller = removeUnits(original, map, removed);
      const x = original.graph.inputs.map(({ shape, name: input }, at) => {
        const given = drawn([3, ...(shape as number[])], `probes ${at}`);
        return input.startsWith('ids') ? { ...given, data: given.data.map((value) => Math.abs(Math.round(value * 3)) % 7) } : given;
      });
      const path = join(folder, `${index}.keras`);
      await writeFile(path, await writeKeras(smaller));
      const variables = Variables.from(smaller.weights);
      const ours = tf.tidy(() =>
        forward(smaller.graph, (key) => variables.read(key), x.map(tensorOf), { training: false }).map(
          (output) => output.dataSync() as Float32Array,
        ),
      );
      variables.dispose();
      cases.push({ name, path, x, ours });
    }
    const theirs = await keras.run<KerasArray[][]>(
      'reload_predict',
      cases.map(({ path, x }) => ({ path, x })),
    );
    for (const [index, { name, ours }] of cases.entries()) {
      ours.forEach((output, at) => {
        expect(relativeDistance(output, theirs[index]![at]!.data), name).toBeLessThan(1e-5);
      });
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
