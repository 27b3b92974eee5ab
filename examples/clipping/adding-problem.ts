/**
 * The adding problem (Hochreiter & Schmidhuber 1997): each of T steps shows a random number and a mark; the answer is the sum of the two marked
 * numbers, one of each half. Predicting the mean has a squared error of 1/6.
 */
import { writeFileSync } from 'node:fs';
import { generator } from '../../src/random.ts';
import { writeNpz } from '../../src/report/npz.ts';

/** Writes x [n, T, 2] and y [n, 1], with `test` further samples as x_test and y_test. */
export async function writeAddingProblem(
  path: string,
  { steps, train, test }: { steps: number; train: number; test: number },
): Promise<void> {
  const random = generator(0, 'adding problem');
  const draw = (samples: number) => {
    const x = new Float32Array(samples * steps * 2);
    const y = new Float32Array(samples);
    const half = Math.floor(steps / 2);
    for (let sample = 0; sample < samples; sample++) {
      const from = sample * steps * 2;
      for (let step = 0; step < steps; step++) x[from + 2 * step] = random.uniform();
      for (const marked of [random.int(half), half + random.int(steps - half)]) {
        x[from + 2 * marked + 1] = 1;
        y[sample]! += x[from + 2 * marked]!;
      }
    }
    return { x: { shape: [samples, steps, 2], data: x }, y: { shape: [samples, 1], data: y } };
  };
  const [training, held] = [draw(train), draw(test)];
  writeFileSync(path, await writeNpz({ x: training.x, y: training.y, x_test: held.x, y_test: held.y }));
}
