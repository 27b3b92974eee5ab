import type { AttemptRow, JobWarning } from '../ledger/ledger.ts';
import type { Resumption } from './materials.ts';

type Circumstances = Pick<AttemptRow, 'device' | 'threads' | 'tensorflow_version' | 'code_version'>;

/**
 * What the caller should know about how an attempt takes up a job. An attempt goes on bit for bit only where the first one's circumstances are met: sums
 * of floats depend on the device, the number of threads and the library.
 */
export function resumptionWarnings(attempt: number, first: Circumstances, now: Circumstances, materials: Resumption): JobWarning[] {
  const warnings: JobWarning[] = [];
  const { resume, damaged } = materials;
  const goesOn = resume ? `goes on from step ${resume.step}` : 'starts over';
  for (const { step } of damaged)
    warnings.push({
      code: 'CHECKPOINT_DAMAGED',
      detail: `The checkpoint of step ${step} is missing or damaged; attempt ${attempt} ${goesOn}`,
    });
  if (resume && describe(first) !== describe(now))
    warnings.push({
      code: 'RESUMED_ELSEWHERE',
      detail: `Attempt ${attempt} goes on from step ${resume.step} with ${describe(now)}; the first had ${describe(first)}. The weights need not be those of an undisturbed run bit for bit`,
    });
  return warnings;
}

function describe({ device, threads, tensorflow_version, code_version }: Circumstances): string {
  return `${threads} ${device} threads, TensorFlow ${tensorflow_version}, Espalier ${code_version}`;
}
