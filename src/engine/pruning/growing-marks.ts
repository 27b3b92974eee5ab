/** What a growing penalty counts for: what is the smallest when training begins, as much as the target removes (GReg-1, Wang 2021). */
import { makesZeros, measureOf, type PruneSpec } from '../../jobs/spec/index.ts';
import type { ModelDocument } from '../../model/document.ts';
import { weightKey } from '../../model/graph.ts';
import { allocate, furthestCut } from '../../pruning/allocation.ts';
import { groupsToCut, kernelsToCut } from '../../pruning/candidates.ts';
import { scopeOf } from '../../pruning/cells.ts';
import type { ScoredUnits } from '../../pruning/criteria/index.ts';
import { magnitude } from '../../pruning/criteria/magnitude.ts';
import { channelMap, unitOfElement } from '../../pruning/groups.ts';
import { chooseMasks, type Masks } from '../../pruning/masks.ts';
import { macsMeasure, parametersMeasure } from '../../pruning/measures.ts';
import { unitScores } from '../../pruning/scores.ts';
import { zerosOptions } from '../../pruning/zeros.ts';
import { generator } from '../../random.ts';
import { keptAtTheEnd } from './cutter.ts';

/** By kernel: 1 where a weight is to be made small. Of units it is the kernels that make them. */
export function growingMarks(spec: PruneSpec, document: ModelDocument): Masks {
  const { pruning } = spec;
  const { structure } = pruning;
  if (structure.type === 'channels') return unitMarks(spec, document);
  if (!makesZeros(structure)) throw new Error(`No weights are marked for ${structure.type}`);
  const { kernels } = kernelsToCut(document.graph, pruning);
  const scores = new Map(kernels.map(({ key }) => [key, document.weights.get(key)!.data.map(Math.abs)]));
  const masks = chooseMasks(structure, kernels, scores, new Map(), zerosOptions(pruning, 1 - keptAtTheEnd(spec)));
  return new Map([...masks].map(([key, mask]) => [key, mask.map((lives) => 1 - lives)]));
}

function unitMarks(spec: PruneSpec, { graph, weights }: ModelDocument): Masks {
  const { pruning, seed } = spec;
  const { structure } = pruning;
  if (structure.type !== 'channels') throw new Error('Units are marked where channels are removed');
  const map = channelMap(graph);
  const { groups } = groupsToCut(map, pruning);
  const scope = scopeOf(pruning);
  const scores = unitScores(map, groups, weights, magnitude(1).units as ScoredUnits, null, generator(seed, 'marks'), scope);
  const limits = { ...structure, overrides: pruning.layers.overrides };
  // Files and times are only known of finished models: what is marked for them is counted in multiply-accumulates.
  const measure = measureOf(pruning.target).measure === 'parameters' ? parametersMeasure(map) : macsMeasure(map);
  const whole = measure.of(new Uint8Array(map.unitCount));
  const removed = allocate(map, groups, scores, {
    ...limits,
    measure,
    limit: Math.max(keptAtTheEnd(spec) * whole, measure.of(furthestCut(map, groups, limits))),
    scope: scope === 'layer' ? 'layer' : 'global',
  });
  const marks: Masks = new Map();
  for (const layer of graph.layers) {
    for (const { name, role, axes, shape } of layer.weights) {
      const key = weightKey(layer, name);
      const made = map.bindings.get(key)?.find(({ axis }) => axis === axes?.output);
      if (role !== 'kernel' || !made) continue;
      const { data } = weights.get(key)!;
      const unitOf = unitOfElement(shape, made);
      marks.set(
        key,
        Uint8Array.from(data, (_, index) => (removed[unitOf(index)] ? 1 : 0)),
      );
    }
  }
  return marks;
}
