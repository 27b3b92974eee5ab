/**
 * A guard against TensorFlow's own memory errors. On processors without AVX-512, and under ONEDNN_MAX_CPU_ISA=AVX2, oneDNN's gradient of a 1 x 1 kernel with
 * strides above 1 writes beyond its memory unless channels are multiples of 8 (TensorFlow 2.21): the process then ends with SIGSEGV or "corrupted size vs.
 * prev_size", at once or minutes later. Shortcuts of residual networks are such convolutions, and pruned ones have such channels. The gradient is the same with
 * strides of 1 over the samples' places that the convolution sees.
 */
import type { KernelConfig, NamedAttrMap, NamedTensorInfoMap, Tensor, Tensor4D, TensorInfo } from '@tensorflow/tfjs-node-gpu';

const KERNEL = 'Conv2DBackpropFilter';
const BACKEND = 'tensorflow';

type TensorFlow = typeof import('@tensorflow/tfjs-node-gpu');

/** Lets gradients of strided 1 x 1 kernels see only the places that count, from now on. */
export function guardStridedPointwise(tf: Pick<TensorFlow, 'getKernel' | 'registerKernel' | 'unregisterKernel' | 'stridedSlice'>): void {
  const plain = tf.getKernel(KERNEL, BACKEND);
  const kernelFunc: KernelConfig['kernelFunc'] = (given) => {
    const { inputs, attrs, backend } = given;
    const { x, dy } = inputs as { x: Tensor4D; dy: TensorInfo };
    const { strides, filterShape, dataFormat } = attrs as unknown as {
      strides: number | [number, number];
      filterShape: readonly number[];
      dataFormat: string;
    };
    const [down, right] = typeof strides === 'number' ? [strides, strides] : strides;
    const isPointwise = filterShape[0] === 1 && filterShape[1] === 1;
    if (!isPointwise || (down === 1 && right === 1) || dataFormat !== 'NHWC') return plain.kernelFunc(given);
    const seen = placesSeen(tf, x, down, right);
    const close: NamedTensorInfoMap = { x: seen, dy };
    const narrow: NamedAttrMap = { ...attrs, strides: 1, pad: 'valid' };
    const gradient = plain.kernelFunc({ inputs: close, attrs: narrow, backend });
    seen.dispose();
    return gradient;
  };
  tf.unregisterKernel(KERNEL, BACKEND);
  tf.registerKernel({ ...plain, kernelFunc });
}

/** What a 1 x 1 kernel sees of x [n, h, w, channels] under these strides. */
export function placesSeen<Images extends Tensor>(tf: Pick<TensorFlow, 'stridedSlice'>, x: Images, down: number, right: number): Images {
  return tf.stridedSlice(x, [0, 0, 0, 0], x.shape, [1, down, right, 1]) as Images;
}
