import { expect, it } from 'vitest';
import { fitPredicted } from '../../src/pruning/fit-predicted.ts';
import { generator } from '../../src/random.ts';

/** Places are what is predicted, from 0.2 to 1; a cut is its place. */
async function fitted(costAt: (place: number) => number, limit: number) {
  const places: number[] = [];
  const found = await fitPredicted({
    limit,
    least: 0.2,
    most: 1,
    guess: limit,
    attempts: 6,
    tolerance: 0.03,
    measureAt: async (place) => {
      places.push(place);
      return { cut: place, cost: costAt(place) };
    },
  });
  return { found, places };
}

it('takes the prediction where it holds, and finds what it has left out in two more measurements', async () => {
  expect(await fitted((place) => 0.99 * place, 0.6)).toEqual({ found: { cut: 0.6, place: 0.6, cost: 0.99 * 0.6 }, places: [0.6] });
  for (const fixed of [0.1, 0.3, 0.4]) {
    const { found, places } = await fitted((place) => fixed + (1 - fixed) * place, 0.6);
    expect(found!.cost).toBeLessThanOrEqual(0.6);
    expect(found!.cost).toBeGreaterThanOrEqual(0.97 * 0.6);
    expect(places.length).toBeLessThanOrEqual(3);
  }
  // Less is cut where the prediction was too dear.
  expect((await fitted((place) => 0.7 * place, 0.6)).found!.cost).toBeCloseTo(0.591, 9);
});

it('finds the furthest cut, or none', async () => {
  expect((await fitted((place) => (place > 0.2 ? 1 : 0.5), 0.6)).found!.cut).toBe(0.2);
  expect((await fitted(() => 1, 0.6)).found).toBeNull();
  expect((await fitted((place) => 0.1 * place, 0.6)).found!.cut).toBe(1);
});

it('cuts little further than it must where measurements are a tenth off', async () => {
  const cuts = await Promise.all(
    Array.from({ length: 200 }, async (_, seed) => {
      const { normal } = generator(seed, 'noise');
      const { found } = await fitted((place) => (0.2 + 0.8 * place) * Math.exp(0.1 * normal()), 0.6);
      expect(found!.cost).toBeLessThanOrEqual(0.6);
      return found!.cut;
    }),
  );
  // Without noise it is 0.489.
  const mean = cuts.reduce((sum, cut) => sum + cut, 0) / cuts.length;
  const far = cuts.filter((cut) => cut < 0.3).length;
  expect(mean).toBeGreaterThan(0.45);
  expect(far).toBeLessThan(10);
});
