/** An evolutionary search of how groups share a cut: each has a gene, by which its scores are multiplied before they are compared. */
import { generator } from '../random.ts';
import type { ChannelGroup } from './groups.ts';

/** Powers of two, one a group. All 0: scores as the criterion has them, which one global threshold compares. */
export type Genome = number[];

/** Plain JSON; the lower the fitness, the better. */
export interface Individual {
  genome: Genome;
  fitness: number;
}

export interface EvolutionOptions {
  population: number;
  generations: number;
  seed: number;
}

/** Genes stay within. */
const LARGEST = 5;
/** The fraction of a generation that goes on as it is. */
const ELITE = 0.25;
const MUTATED = 0.3;

/** The first generation: no change, and normally distributed genes. */
export function firstGeneration(genes: number, { population, seed }: EvolutionOptions): Genome[] {
  const { normal } = generator(seed, 'evolution', 0);
  return Array.from({ length: population }, (_, index) => Array.from({ length: genes }, () => (index === 0 ? 0 : within(normal()))));
}

/**
 * The next generation, number `generation`: the best quarter, and children of two parents, each the better of two drawn ones. A gene is either parent's,
 * and three in ten move, by less from generation to generation.
 */
export function nextGeneration(
  last: readonly Individual[],
  generation: number,
  { population, generations, seed }: EvolutionOptions,
): Genome[] {
  const { int, uniform, normal } = generator(seed, 'evolution', generation);
  const ranked = best(last);
  const parent = (): Genome => ranked[Math.min(int(ranked.length), int(ranked.length))]!.genome;
  const spread = 1 - generation / (generations + 1);
  const elite = ranked.slice(0, Math.max(1, Math.round(ELITE * population))).map(({ genome }) => genome);
  const children = Array.from({ length: population - elite.length }, (): Genome => {
    const [mother, father] = [parent(), parent()];
    return mother.map((gene, index) => {
      const inherited = uniform() < 0.5 ? gene : father[index]!;
      return uniform() < MUTATED ? within(inherited + spread * normal()) : inherited;
    });
  });
  return [...elite, ...children];
}

/** The individuals from the best on; of equals the first stays first. */
export function best(individuals: readonly Individual[]): Individual[] {
  return [...individuals].sort((a, b) => a.fitness - b.fitness);
}

function within(gene: number): number {
  return Math.min(LARGEST, Math.max(-LARGEST, gene));
}

/** Scores by unit number, each group's times two to the power of its gene; where some are negative all are lifted to 0 and above first. */
export function weighedScores(groups: readonly ChannelGroup[], scores: Float64Array, genes: ReadonlyMap<string, number>): Float64Array {
  const lowest = groups.reduce((least, { units }) => units.reduce((low, unit) => Math.min(low, scores[unit]!), least), 0);
  const weighed = new Float64Array(scores.length);
  for (const { key, units } of groups) {
    const factor = 2 ** (genes.get(key) ?? 0);
    for (const unit of units) weighed[unit] = (scores[unit]! - lowest) * factor;
  }
  return weighed;
}
