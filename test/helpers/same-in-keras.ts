/** Documents that stock Keras loads and runs as the engine does. */
import { mkdtempSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { forward } from '../../src/engine/network.ts';
import { tf } from '../../src/engine/tensorflow.ts';
import { Variables } from '../../src/engine/variables.ts';
import type { ModelDocument } from '../../src/model/document.ts';
import { writeKeras } from '../../src/model/formats/keras.ts';
import { drawn, tensorOf } from './engine.ts';
import type { Keras, KerasArray } from './keras.ts';
import { relativeDistance } from './numbers.ts';

/** Three samples of every input unless said otherwise; those of an input whose name begins with ids are class numbers from 0 to 6. */
export function probesOf({ graph }: ModelDocument, samples = 3): KerasArray[] {
  return graph.inputs.map(({ shape, name }, at) => {
    const given = drawn([samples, ...(shape as number[])], `probes ${at}`);
    return name.startsWith('ids') ? { ...given, data: given.data.map((value) => Math.abs(Math.round(value * 3)) % 7) } : given;
  });
}

/** What the engine makes of every output. */
export function outputsOf(document: ModelDocument, x: readonly KerasArray[]): Float32Array[] {
  const variables = Variables.from(document.weights);
  try {
    return tf.tidy(() =>
      forward(document.graph, (key) => variables.read(key), x.map(tensorOf), { training: false }).map((output) =>
        output.dataSync<'float32'>().slice(),
      ),
    );
  } finally {
    variables.dispose();
  }
}

/** Expects every output of every document to be what Keras makes of its `.keras` file, within 1e-5. One Keras process does all of them. */
export async function expectSameInKeras(keras: Keras, cases: readonly { name: string; document: ModelDocument; x: KerasArray[] }[]) {
  const folder = mkdtempSync(join(tmpdir(), 'espalier-same-in-keras-'));
  try {
    const files = cases.map((_, index) => join(folder, `${index}.keras`));
    for (const [index, { document }] of cases.entries()) await writeFile(files[index]!, await writeKeras(document));
    const theirs = await keras.run<KerasArray[][]>(
      'reload_predict',
      cases.map(({ x }, index) => ({ path: files[index], x })),
    );
    for (const [index, { name, document, x }] of cases.entries()) {
      for (const [at, output] of outputsOf(document, x).entries()) {
        expect(relativeDistance(output, theirs[index]![at]!.data), name).toBeLessThan(1e-5);
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
