import { gpuMemory } from './gpu-memory.ts';
import type { Metrics } from './registry.ts';

/** Lets a worker that computes on a GPU tell of its memory. */
export function tellOfGpu(metrics: Metrics): void {
  const used = metrics.gauge('espalier_gpu_memory_used_bytes');
  const total = metrics.gauge('espalier_gpu_memory_total_bytes');
  metrics.beforeText('gpu', ['espalier_gpu_memory_used_bytes', 'espalier_gpu_memory_total_bytes'], async () => {
    for (const { gpu, used_bytes, total_bytes } of await gpuMemory()) {
      used.set({ gpu }, used_bytes);
      total.set({ gpu }, total_bytes);
    }
  });
}
