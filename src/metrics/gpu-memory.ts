import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

export interface GpuMemory {
  gpu: string;
  used_bytes: number;
  total_bytes: number;
}

const MIB = 2 ** 20;
const LIMIT_MS = 5_000;
const QUERY = ['--query-gpu=index,memory.used,memory.total', '--format=csv,noheader,nounits'];

/** The memory of this machine's GPUs, as nvidia-smi tells it. Rejects where there is no nvidia-smi, or it does not answer within 5 s. */
export async function gpuMemory(): Promise<GpuMemory[]> {
  const { stdout } = await promisify(execFile)('nvidia-smi', QUERY, { timeout: LIMIT_MS });
  return readGpuMemory(stdout);
}

/** Lines of index, MiB used and MiB there are. One whose memory the driver does not tell ("[N/A]") is left out. */
export function readGpuMemory(text: string): GpuMemory[] {
  return text
    .split('\n')
    .map((line) => /^(\d+), (\d+), (\d+)$/.exec(line.trim()))
    .filter((match) => match !== null)
    .map(([, gpu, used, total]) => ({ gpu: gpu as string, used_bytes: Number(used) * MIB, total_bytes: Number(total) * MIB }));
}
