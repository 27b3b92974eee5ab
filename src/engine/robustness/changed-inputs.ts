/** The samples that changed most, with pictures where they are images. */
import type { Dataset } from '../../dataset/batches.ts';
import type { SaliencySmoothing } from '../../jobs/spec/index.ts';
import type { ChangedInput, ChangedPlace } from '../../report/checks/most-changed.ts';
import { pictureOf } from '../../report/picture.ts';
import { rawTensor } from '../step/batch-format.ts';
import { imageBatches } from './image-batches.ts';
import type { AttackedPair } from './measure.ts';
import type { PixelScale } from './pixels.ts';

interface MappedModels {
  pair: AttackedPair;
  batch: number;
  smoothing: SaliencySmoothing | null;
  seed: number;
}

/** `scale` null: no images. `models` null: no saliency maps. */
export function changedInputs(
  changed: readonly ChangedPlace[],
  data: Dataset,
  scale: PixelScale | null,
  models: MappedModels | null,
): ChangedInput[] {
  const { samples } = data.split('test');
  const places = Uint32Array.from(changed, ({ at }) => at);
  const maps = scale && models ? mapsOf(changed, data, scale, models, places) : null;
  return changed.map(({ at, ...told }, place) => ({
    sample: samples[at]!,
    ...told,
    picture: scale && pictureOf(scale.fromInputs(data.gather('test', Uint32Array.of(at)).x), scale.form),
    saliency: maps && { original: maps.original[place]!, result: maps.result[place]! },
  }));
}

/** Each model's map of the class that it decides for. */
function mapsOf(
  changed: readonly ChangedPlace[],
  data: Dataset,
  scale: PixelScale,
  { pair, batch, smoothing, seed }: MappedModels,
  places: Uint32Array,
): Record<keyof AttackedPair, string[]> {
  const { height, width } = scale.form;
  const all = new Int32Array(data.split('test').size);
  const of = (side: keyof AttackedPair): string[] => {
    const pictures: string[] = [];
    for (const { start, count, pixels } of imageBatches(data, scale, places, all, batch)) {
      const decided = Int32Array.from({ length: batch }, (_, at) => Math.max(0, changed[start + Math.min(at, count - 1)]![side].class));
      const classes = rawTensor(decided, [batch], 'int32');
      const values = pair[side].saliency(pixels, classes, smoothing && { ...smoothing, seed, batch: start / batch });
      classes.dispose();
      for (let at = 0; at < count; at++) {
        pictures.push(pictureOf(scaled(values.subarray(at * height * width, (at + 1) * height * width)), { height, width, channels: 1 }));
      }
    }
    return pictures;
  };
  return { original: of('original'), result: of('result') };
}

function scaled(map: Float32Array): Float32Array {
  const most = map.reduce((largest, value) => Math.max(largest, value), 0);
  return most === 0 ? map : map.map((value) => value / most);
}
