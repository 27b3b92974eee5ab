/** Cuts that make two thinner layers of one. */
import type { PruneSpec } from '../../jobs/spec/index.ts';
import { totalMacs } from '../../model/costs.ts';
import { withWeights } from '../../model/document.ts';
import {
  costOfRanks,
  type FactorableKernel,
  type Factors,
  factorableKernels,
  factorsOf,
  fullRank,
  keptRank,
  productOf,
  withFactors,
} from '../../pruning/low-rank.ts';
import { termOrder } from '../../pruning/term-order.ts';
import { generator } from '../../random.ts';
import { type ScoreSpread, scoreSpread } from '../../report/score-spread.ts';
import { forward } from '../network.ts';
import { proveAgainst } from '../proof.ts';
import type { TrainingRun, TrainingRunParts } from '../run/index.ts';
import { singularValues } from '../singular-values.ts';
import { Variables } from '../variables.ts';
import type { Cutter } from './cutter.ts';
import { fewestSteps } from './fewest-steps.ts';
import { proveCut } from './prove-cut.ts';
import { stopwatch } from './stopwatch.ts';

export function lowRankCutter(spec: PruneSpec, run: TrainingRun, parts: TrainingRunParts): Cutter {
  const { pruning, seed } = spec;
  const { structure, criterion } = pruning;
  if (structure.type !== 'low_rank') throw new Error('Ranks are cut by a structure of type low_rank');
  return async (kept) => {
    const document = run.present();
    const { graph, weights } = document;
    const { kernels } = factorableKernels(graph, pruning.layers);
    parts.reporter.enter('scoring');
    const watch = stopwatch();
    const spectra = kernels.map((kernel) => {
      run.checkCancelled();
      return singularValues(weights.get(kernel.key)!.data, [kernel.inputs, kernel.units]);
    });
    const order = termOrder(
      spectra.map(({ values }) => values),
      criterion.type === 'random' ? generator(seed, 'pruning', run.state.step) : null,
      pruning.scope === 'layer' ? 'layer' : 'global',
    );
    const scoring = watch();
    parts.reporter.enter('pruning');
    /** By kernel: the numbers of the terms that stay after so many steps, ascending, or all of them where factors would save nothing. */
    const termsAfter = (steps: number): number[][] => {
      const gone = spectra.map(() => [] as number[]);
      for (const { kernel, term } of order.slice(0, steps)) gone[kernel]!.push(term);
      return kernels.map((kernel, index) => {
        const full = fullRank(kernel);
        const rank = keptRank(kernel, full - gone[index]!.length, structure);
        // The last to go are the first to come back where a limit keeps more.
        const out = new Set(gone[index]!.slice(0, full - rank));
        return Array.from({ length: full }, (_, term) => term).filter((term) => !out.has(term));
      });
    };
    const factorsBy = (terms: readonly number[][]): Map<FactorableKernel, Factors> =>
      new Map(
        terms.flatMap((own, index) => {
          const kernel = kernels[index]!;
          return own.length < fullRank(kernel) ? [[kernel, factorsOf(spectra[index]!, kernel, own)] as const] : [];
        }),
      );
    const { steps, document: smaller } = await fewestSteps(
      order.length,
      (count) => withFactors(document, factorsBy(termsAfter(count))),
      kept,
      spec,
      parts,
      'Lower min_rank or round_to, or exclude fewer layers.',
    );
    const terms = termsAfter(steps);
    const factors = factorsBy(terms);
    const macs = totalMacs(smaller.graph);
    const planned = costOfRanks(
      graph,
      kernels,
      terms.map(({ length }) => length),
    ).macs;
    if (macs !== planned) throw new Error(`The cut was planned to leave ${planned} MACs and left ${macs}`);
    const products = [...factors].map(([kernel, made]) => [kernel.key, productOf(made, kernel, weights.get(kernel.key)!.shape)] as const);
    const truncated = withWeights(document, new Map([...weights, ...products]));
    // Candidates are whole documents: choosing among them is the surgery.
    const surgery = watch();
    const proof = proveCut(document, parts, "each kernel replaced by its factors' product", (inputs) =>
      proveAgainst(
        document,
        smaller,
        () => {
          const variables = Variables.from(truncated.weights);
          try {
            const outputs = forward(graph, (key) => variables.read(key), inputs, { training: false, logits: true });
            return { outputs, functionChanged: false };
          } finally {
            variables.dispose();
          }
        },
        inputs,
      ),
    );
    run.replaceDocument(smaller);
    run.setMasks(run.zerosThatStay());
    const layers = kernels.map(({ layer }, index) => ({
      name: layer,
      rank: { before: spectra[index]!.values.length, after: terms[index]!.length },
      factorised: terms[index]!.length < spectra[index]!.values.length,
      /** The fraction of the kernel's sum of squares that is kept. */
      energy: energyOf(spectra[index]!.values, terms[index]!),
      /** Of the singular values. */
      ...spreadOf(spectra[index]!.values, terms[index]!),
    }));
    run.recordCut(
      { macs, layers, proof, seconds: { scoring, plan: 0, surgery, proof: watch() } },
      { macs, removed_ranks: layers.reduce((sum, { rank }) => sum + rank.before - rank.after, 0) },
    );
  };
}

function spreadOf(values: Float32Array, terms: readonly number[]): ScoreSpread {
  const stays = new Set(terms);
  return scoreSpread(
    values.filter((_, term) => stays.has(term)),
    values.filter((_, term) => !stays.has(term)),
  );
}

function energyOf(values: Float32Array, terms: readonly number[]): number {
  const all = values.reduce((sum, value) => sum + value * value, 0);
  return all === 0 ? 1 : terms.reduce((sum, term) => sum + values[term]! ** 2, 0) / all;
}
