import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { flag, run, typed } from '../raw-ops.ts';
import { tf } from '../tensorflow.ts';
import { differentiable } from './differentiable.ts';

const ATTRIBUTES = [typed('T'), flag('align_corners', false), flag('half_pixel_centers', true)];

/** Images [n, h, w, channels] at another size, by pixels' centres, as `tf.image.resize` does. */
export function resize(x: Tensor, size: readonly [number, number], interpolation: 'bilinear' | 'nearest'): Tensor {
  const target = (): Tensor => tf.tensor1d([...size], 'int32');
  if (interpolation === 'bilinear') {
    return differentiable(
      [x],
      () => ({ value: run('ResizeBilinear', ATTRIBUTES, [x, target()], 1)[0]!, saved: [x] }),
      (dy, [from]) => [run('ResizeBilinearGrad', ATTRIBUTES, [dy, from!], 1)[0]!],
    );
  }
  const [, height, width] = x.shape as [number, number, number, number];
  return differentiable(
    [x],
    () => ({ value: run('ResizeNearestNeighbor', ATTRIBUTES, [x, target()], 1)[0]!, saved: [] }),
    (dy) => [run('ResizeNearestNeighborGrad', ATTRIBUTES, [dy, tf.tensor1d([height, width], 'int32')], 1)[0]!],
  );
}
