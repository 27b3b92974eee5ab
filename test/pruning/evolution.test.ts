import { expect, it } from 'vitest';
import { best, firstGeneration, type Individual, nextGeneration, weighedScores } from '../../src/pruning/evolution.ts';
import type { ChannelGroup } from '../../src/pruning/groups.ts';

const options = { population: 16, generations: 12, seed: 3 };

function evolved(fitness: (genome: number[]) => number): Individual[][] {
  const generations: Individual[][] = [];
  for (let at = 0; at <= options.generations; at++) {
    const genomes = at === 0 ? firstGeneration(4, options) : nextGeneration(generations.at(-1)!, at, options);
    generations.push(genomes.map((genome) => ({ genome, fitness: fitness(genome) })));
  }
  return generations;
}

it('comes near the best genes from nothing but their fitness, never gets worse, and is the same for a seed', () => {
  const wanted = [2, -1, 0.5, -3];
  const distance = (genome: number[]): number => Math.hypot(...genome.map((gene, at) => gene - wanted[at]!));
  const generations = evolved(distance);
  const bests = generations.map((one) => best(one)[0]!.fitness);
  expect(bests.every((fitness, at) => at === 0 || fitness <= bests[at - 1]!)).toBe(true);
  expect(generations[0]![0]!.genome).toEqual([0, 0, 0, 0]);
  expect(bests.at(-1)!).toBeLessThan(distance([0, 0, 0, 0]) / 3);
  for (const one of generations) expect(one).toHaveLength(options.population);
  expect(evolved(distance)).toEqual(generations);
});

it('weighs the scores of groups, in the order they have within each, negative ones too', () => {
  const group = (key: string, units: number[]) =>
    ({ key, layers: [key], kind: 'channels', units: Int32Array.from(units), frozen: null }) as unknown as ChannelGroup;
  const groups = [group('a', [0, 1]), group('b', [2, 3])];
  expect([
    ...weighedScores(
      groups,
      Float64Array.of(1, 2, 3, 4),
      new Map([
        ['a', 2],
        ['b', -1],
      ]),
    ),
  ]).toEqual([4, 8, 1.5, 2]);
  expect([...weighedScores(groups, Float64Array.of(-1, 2, 0, 1), new Map([['a', 1]]))]).toEqual([0, 6, 1, 2]);
});
