/** In which formats a job leaves its model. */
import type { JobWarning } from '../ledger/ledger.ts';
import { isModelFormat, MODEL_FORMATS, type ModelFacts, type OutputFormat } from '../model/facts.ts';
import { refuse } from './refuse.ts';
import type { MakingSpec } from './spec/index.ts';

/** The output with its formats named. Throws Problem UNSUPPORTED_CONVERSION for one that cannot hold the model. */
export function resolveOutput(
  { formats }: MakingSpec['output'],
  facts: ModelFacts,
  warn: (warning: JobWarning) => void,
): { formats: OutputFormat[] } {
  const { format, output_formats: writable = [format] } = facts;
  if (formats === null) {
    if (writable.includes(format)) return { formats: [format] };
    warn({
      code: 'OUTPUT_FORMAT_CHANGED',
      detail: `The model came as ${format}, in which stock Keras could not load it again; the result is a .keras file.`,
    });
    return { formats: ['keras'] };
  }
  const [first] = formats;
  if (first && !isModelFormat(first)) {
    refuse(
      'UNSUPPORTED_CONVERSION',
      '/output/formats/0',
      `The first of the formats is the new model, which ${first} cannot be: no model is read of it. Accepted: ${MODEL_FORMATS.filter((format) => writable.includes(format)).join(', ')}.`,
      first,
    );
  }
  formats.forEach((asked, index) => {
    if (writable.includes(asked)) return;
    refuse(
      'UNSUPPORTED_CONVERSION',
      `/output/formats/${index}`,
      `The model cannot be written as ${asked}: GET /v1/models/{id}/content?format=${asked} says why. Accepted: ${writable.join(', ')}.`,
      asked,
    );
  });
  return { formats };
}
