import type { MakingSpec } from '../jobs/spec/index.ts';
import type { ModelDocument } from '../model/document.ts';
import type { ModelFormat, OutputFormat } from '../model/facts.ts';

/** In which formats a job leaves its model; files are measured in the first. A job that was posted before there was a choice says nothing. */
export function outputFormats({ output }: MakingSpec, original: ModelDocument): [ModelFormat, ...OutputFormat[]] {
  const [first = original.source.format, ...more] = (output as MakingSpec['output'] | undefined)?.formats ?? [];
  // The POST lets no other stand first.
  return [first as ModelFormat, ...more];
}
