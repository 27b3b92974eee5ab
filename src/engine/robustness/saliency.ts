/** Where both models look, beside the original with a last layer drawn anew. */
import type { SaliencySmoothing } from '../../jobs/spec/index.ts';
import type { Graph } from '../../model/graph.ts';
import { weightKey } from '../../model/graph.ts';
import { generator } from '../../random.ts';
import { alike, type MapPairs, type RankedMap, rankedMap, type SaliencyChecks, saliencyChecks } from '../../report/checks/saliency.ts';
import type { Variables } from '../variables.ts';
import { decisionsOf } from './decisions.ts';
import { imageBatches } from './image-batches.ts';
import type { AttackedPair, MeasuredImages } from './measure.ts';

/** Last layers that are drawn for the noise floor. */
const DRAWS = 3;

/** Weights of the original, which are changed for the noise floor and are as they were at the end. */
export interface OriginalWeights {
  graph: Graph;
  variables: Variables;
}

/**
 * Of the images' places, |gradient · input| of the label's logit where both models are right, or of the number that models of the task `numbers` predict, of
 * all of them.
 */
export function measureSaliency(
  models: AttackedPair,
  images: MeasuredImages,
  weights: OriginalWeights,
  { seed, smoothing, task }: { seed: number; smoothing: SaliencySmoothing | null; task: 'classes' | 'numbers' },
): SaliencyChecks {
  const { places, labels, batch, goesOn } = images;
  const right = new Uint8Array(places.length);
  const mapsOf = (model: keyof AttackedPair, wanted: Uint8Array): RankedMap[] => {
    const maps: RankedMap[] = [];
    for (const { start, count, pixels, labels: chosen } of imageBatches(images.data, images.scale, places, labels, batch)) {
      const values = models[model].saliency(pixels, chosen, smoothing && { ...smoothing, seed, batch: start / batch });
      const width = values.length / batch;
      for (let at = 0; at < count; at++) if (wanted[start + at]) maps.push(rankedMap(values.subarray(at * width, (at + 1) * width)));
      goesOn();
    }
    return maps;
  };
  const markRight = (): void => {
    for (const { start, count, pixels } of imageBatches(images.data, images.scale, places, labels, batch)) {
      const [before, after] = [decisionsOf(models.original.logits(pixels), batch), decisionsOf(models.result.logits(pixels), batch)];
      for (let at = 0; at < count; at++) {
        const label = labels[places[start + at]!];
        right[start + at] = before[at] === label && after[at] === label ? 1 : 0;
      }
      goesOn();
    }
  };
  if (task === 'numbers') right.fill(1);
  else markRight();
  const original = mapsOf('original', right);
  const paired = (maps: RankedMap[]): MapPairs => alike(original, maps);
  const own = paired(mapsOf('result', right));
  const floors: MapPairs[] = [];
  const kernel = lastKernel(weights.graph);
  if (kernel !== null && original.length > 0) {
    const { variables } = weights;
    const kept = variables.value(kernel);
    try {
      for (let draw = 0; draw < DRAWS; draw++) {
        variables.set(kernel, { shape: kept.shape, data: drawnLike(kept.data, seed, draw) });
        models.original.reload();
        floors.push(paired(mapsOf('original', right)));
      }
    } finally {
      variables.set(kernel, kept);
      models.original.reload();
    }
  }
  return { ...saliencyChecks(own, floors, places.length), chosen: task === 'numbers' ? 'all' : 'right_in_both', smoothing };
}

/** The key of the kernel nearest to the output; null where there is none. */
export function lastKernel(graph: Graph): string | null {
  for (const { layer } of graph.calls.toReversed()) {
    const kernel = layer.weights.find(({ role }) => role === 'kernel');
    if (kernel) return weightKey(layer, kernel.name);
  }
  return null;
}

/** Normal numbers of the deviation that the values have. */
export function drawnLike(values: Float32Array, seed: number, draw: number): Float32Array<ArrayBuffer> {
  const random = generator(seed, 'saliency floor', draw);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
  return Float32Array.from(values, () => deviation * random.normal());
}
