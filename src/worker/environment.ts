/** Variables of the worker that an engine may see: how to find libraries and temporary files, and nothing that could be a secret. */
const PASSED_ON = ['PATH', 'HOME', 'TMPDIR', 'LANG', 'LC_ALL', 'TZ', 'LD_LIBRARY_PATH', 'CUDA_HOME', 'NVIDIA_VISIBLE_DEVICES'] as const;

/**
 * The whole environment of an engine process. TensorFlow reads its settings while it loads, so they are set before the process starts.
 * `TF_ENABLE_ONEDNN_OPTS`: TensorFlow takes oneDNN by itself only where a CPU has certain instructions; without them its convolutions are up to twice as fast
 * all the same, and every machine computes with the same kernels.
 * `ONEDNN_MAX_CPU_ISA`: with AVX-512, TensorFlow 2.21 returns wrong input gradients for convolutions of one input and one output channel.
 */
export function engineEnvironment(
  inherited: Readonly<Record<string, string | undefined>>,
  settings: { device: 'auto' | 'cpu' | 'gpu'; threads: number; niceness?: number; memoryMib?: number },
): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const name of PASSED_ON) {
    const value = inherited[name];
    if (value !== undefined) environment[name] = value;
  }
  const { device, threads, niceness, memoryMib } = settings;
  const gpu = inherited.CUDA_VISIBLE_DEVICES;
  return {
    ...environment,
    NODE_ENV: 'production',
    ESPALIER_ENGINE_DEVICE: device,
    ONEDNN_MAX_CPU_ISA: 'AVX2',
    TF_ENABLE_ONEDNN_OPTS: '1',
    TF_CPP_MIN_LOG_LEVEL: '2',
    TF_NUM_INTRAOP_THREADS: `${threads}`,
    TF_NUM_INTEROP_THREADS: `${threads}`,
    TF_FORCE_GPU_ALLOW_GROWTH: 'true',
    ...(niceness === undefined ? {} : { ESPALIER_ENGINE_NICENESS: `${niceness}` }),
    ...(memoryMib === undefined ? {} : { ESPALIER_ENGINE_MEMORY_MIB: `${memoryMib}` }),
    ...(device === 'cpu' ? { CUDA_VISIBLE_DEVICES: '' } : gpu === undefined ? {} : { CUDA_VISIBLE_DEVICES: gpu }),
  };
}
