/** Cuts that remove whole residual blocks. */
import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import type { PruneSpec } from '../../jobs/spec/index.ts';
import { totalMacs } from '../../model/costs.ts';
import type { ModelDocument } from '../../model/document.ts';
import type { TensorId } from '../../model/graph.ts';
import { blockScores } from '../../pruning/block-scores.ts';
import { costWithout, type ResidualBlock, selectableBlocks } from '../../pruning/blocks.ts';
import { removeBlocks } from '../../pruning/remove-blocks.ts';
import { generator } from '../../random.ts';
import { forward, type WeightReader } from '../network.ts';
import { proveAgainst } from '../proof.ts';
import type { TrainingRun, TrainingRunParts } from '../run/index.ts';
import { calibrationOf } from './calibration-of.ts';
import { type Cutter, keptAtTheEnd } from './cutter.ts';
import { fewestSteps } from './fewest-steps.ts';
import { proveCut } from './prove-cut.ts';
import { blockChanges } from './statistics/block-changes.ts';
import { blockGateMoments } from './statistics/gates.ts';
import { stopwatch } from './stopwatch.ts';

export function depthCutter(spec: PruneSpec, run: TrainingRun, parts: TrainingRunParts): Cutter {
  const { pruning, seed } = spec;
  const final = keptAtTheEnd(spec);
  return async (kept) => {
    const document = run.present();
    const { graph } = document;
    const { blocks } = selectableBlocks(graph, pruning.layers);
    parts.reporter.enter('scoring');
    const watch = stopwatch();
    const calibration = calibrationOf(spec, run, parts, document);
    const scores = blockScores(pruning.criterion, document, blocks, {
      gates: () => blockGateMoments(calibration, blocks),
      changes: () => blockChanges(calibration, blocks),
      random: generator(seed, 'pruning', run.state.step),
    });
    const scoring = watch();
    parts.reporter.enter('pruning');
    const order = [...blocks.keys()].sort((a, b) => scores[a]! - scores[b]! || a - b);
    const removedBy = (steps: number): ResidualBlock[] => order.slice(0, steps).map((index) => blocks[index]!);
    const { steps, document: smaller } = await fewestSteps(
      blocks.length,
      (count) => removeBlocks(document, removedBy(count)),
      kept,
      spec,
      parts,
      'Exclude fewer layers, or combine with channels in a further job.',
    );
    // A step of a schedule that is less than any block: what follows makes up for it.
    if (kept > final && steps === 0) return;
    const removed = removedBy(steps);
    const macs = totalMacs(smaller.graph);
    const planned = costWithout(graph, removed).macs;
    if (macs !== planned) throw new Error(`The cut was planned to leave ${planned} MACs and left ${macs}`);
    // Candidates are whole documents: choosing among them is the surgery.
    const surgery = watch();
    const proof = proveCut(document, parts, 'the branches of the removed blocks silenced', (inputs) =>
      proveAgainst(
        document,
        smaller,
        (read) => ({ outputs: withoutBranches(document, removed, read, inputs), functionChanged: false }),
        inputs,
      ),
    );
    const gone = new Set(removed);
    run.replaceDocument(smaller);
    run.setMasks(run.zerosThatStay());
    run.recordCut(
      {
        macs,
        blocks: blocks.map((block, index) => ({ name: block.name, layers: block.layers, score: scores[index]!, removed: gone.has(block) })),
        proof,
        seconds: { scoring, plan: 0, surgery, proof: watch() },
      },
      { macs, removed_blocks: removed.length },
    );
  };
}

/** The original's logits where the sums of the removed blocks give their shortcut; nothing else is left out. Call inside a scope. */
export function withoutBranches(
  { graph }: Pick<ModelDocument, 'graph'>,
  removed: readonly ResidualBlock[],
  read: WeightReader,
  inputs: readonly Tensor[],
): Tensor[] {
  // A block inside another's branch is computed and never read.
  const shortcuts = new Map(removed.map(({ sum, shortcut }) => [sum.output, sum.inputs[shortcut]!]));
  const seen = new Map<TensorId, Tensor>(graph.inputs.map(({ tensor }, index) => [tensor, inputs[index]!]));
  return forward(graph, read, inputs, {
    training: false,
    logits: true,
    tap: (tensor, value) => {
      const shortcut = shortcuts.get(tensor);
      const made = shortcut === undefined ? value : seen.get(shortcut)!;
      seen.set(tensor, made);
      return made;
    },
  });
}
