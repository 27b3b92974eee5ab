/**
 * Exports of the corpus in their own runtimes, as docs/exports.md: node bench/exports.ts FOLDER, with the networks that `npm run corpus -- --folder FOLDER`
 * left there. Prints the page.
 */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { EXPORT_FORMATS } from '../src/model/facts.ts';
import { LAYER_CLASSES, type LayerClass } from '../src/model/layers/index.ts';
import { allowedIn, type Exported, type ExportedNetwork, exportCorpus } from '../test/corpus/exports.ts';

const folder = process.argv[2];
if (!folder) throw new Error('Usage: node bench/exports.ts FOLDER');
const networks = await exportCorpus(folder);
const small = (difference: number): string => (difference === 0 ? '0' : difference.toExponential(1));
const kilo = (bytes: number): string => (bytes / 1000).toLocaleString('en', { maximumFractionDigits: 0 });

/** The largest difference among networks, and how many were refused or wrong. */
function told(all: readonly ExportedNetwork[], format: (typeof EXPORT_FORMATS)[number]): string {
  const found = all.map(({ formats }) => formats[format]);
  const ran = found.filter((one): one is Extract<Exported, { kind: 'ran' }> => one.kind === 'ran');
  const refused = found.filter(({ kind }) => kind === 'refused').length;
  const wrong = found.length - ran.length - refused;
  const parts = [
    ...(ran.length > 0 ? [small(Math.max(...ran.map(({ difference }) => difference)))] : []),
    ...(refused > 0 ? [`${refused} refused`] : []),
    ...(wrong > 0 ? [`**${wrong} wrong**`] : []),
  ];
  return parts.join(', ');
}

const families = networks.filter(({ facts }) => facts.group === 'keras.applications');
const halves = networks.filter(({ facts }) => facts.group === 'Precision');
const others = networks.filter((network) => !families.includes(network) && !halves.includes(network));
const known = Object.entries<LayerClass>(LAYER_CLASSES);
const classes = known
  // Python's name of a class may be another than the config's.
  .map(([name, { folderClass = name }]) => ({ name, of: others.filter(({ facts }) => facts.classes.includes(folderClass)) }))
  .filter(({ of }) => of.length > 0);
const beyond = EXPORT_FORMATS.flatMap((format) =>
  networks.flatMap(({ facts, formats }) => {
    const found = formats[format];
    if (found.kind === 'wrong') return [`${facts.name}, ${format}: ${found.detail}`];
    return found.kind === 'ran' && !(found.difference <= allowedIn(format, facts)) ? [`${facts.name}, ${format}: ${found.difference}`] : [];
  }),
);
const refusals = [
  ...new Set(
    EXPORT_FORMATS.flatMap((format) => networks.map(({ formats }) => formats[format])).flatMap((found) =>
      found.kind === 'refused' ? [found.detail] : [],
    ),
  ),
];

const PAGE = `# Exports

What is written for runtimes that know no Keras: \`GET /v1/models/{id}/content?format=onnx\` (or \`tflite\`, \`tflite_float16\`, \`tflite_int8\`), or \`output: { "formats": ["keras", "onnx"] }\` in a job, whose first format
is the new model and so must be one that can be read. Nothing is read of an export again; keep the model.

**ONNX.** Opset 21 (IR version 10), one file, weights in it, so at most 2 GiB. Inputs and outputs have the model's own names, axes and element types (float32, and
what an input says: int32, int64, uint8, bool, ...); the batch and every axis that is \`None\` in Keras have a length that a run chooses (\`batch\`,
\`<input>_<axis>\`). Channels stay last at the ends; windows slide over channels-first tensors there, and a tensor is transposed only where layers of the two kinds
meet. Padding is TensorFlow's. An output that is an input as well is called \`<name>_1\`. Loops are \`Scan\`, so that sequences may have any length; masks are computed as Keras does. It computes what the model does outside
training: noise, dropout and random augmentation pass on what they get.

**TensorFlow Lite.** \`tflite\`, \`tflite_float16\` and \`tflite_int8\`, schema version 3 and builtin operators alone, at most 2 GiB. Channels stay last. The batch, and axes that are
\`None\` in Keras, are free (\`shape_signature\`): \`interpreter.get_signature_runner()\` takes any number of samples, and a run that resizes nothing has one. Inputs and outputs have
the model's names, as tensors and in the signature \`serving_default\`. Batch normalisations and biases go into the kernel before them. Loops are written out, step by step, for up to 1,024 steps.
\`tflite_float16\` stores constants of 1,024 numbers and more as float16, which the file makes float32 again; \`tflite_int8\` as int8 with a scale a channel (symmetric, zeros stay zeros): dense layers and
convolutions over one or two axes multiply them as they are by inputs that are rounded to 8 bits while it runs (*dynamic range*), others make them float32 again.

What cannot be expressed is refused with \`UNSUPPORTED_CONVERSION\`, which names the layer; \`output_formats\` of a model says beforehand.

## Differences

The largest difference of an output from stock Keras', as a fraction of the output's largest number: ONNX in onnxruntime 1.32 on a CPU, after ONNX' own checker;
TensorFlow Lite in the interpreter of TensorFlow 2.21, with XNNPACK. Most networks have no constant of 1,024 numbers, so that the three files of TensorFlow Lite compute alike.
Networks are those of the corpus (\`test/corpus\`) with weights that are drawn, each of a few layers.

Generated by \`bench/exports.ts\`; do not edit.

${networks.length} networks; ${beyond.length === 0 ? 'none beyond what Keras itself may differ by' : `beyond what is allowed: ${beyond.join('; ')}`}. ${classes.length} of ${known.length} classes and operations stand in them.

| network of \`keras.applications\` | ${EXPORT_FORMATS.map((format) => `${format}, difference`).join(' | ')} | Keras moves | \`.keras\` kB | ${EXPORT_FORMATS.map((format) => `${format} kB`).join(' | ')} |
| --- | ${EXPORT_FORMATS.map(() => '---').join(' | ')} | --- | --- | ${EXPORT_FORMATS.map(() => '---').join(' | ')} |
${families
  .map(({ facts, formats }) => {
    const sizes = EXPORT_FORMATS.map((format) => formats[format]).map((found) => (found.kind === 'ran' ? kilo(found.bytes) : ''));
    const differences = EXPORT_FORMATS.map((format) => told([{ facts, formats }], format));
    const keras = kilo(statSync(join(folder, `${facts.name}.keras`)).size);
    return `| ${facts.name.replace('app_', '')} | ${differences.join(' | ')} | ${small(facts.moved)} | ${keras} | ${sizes.join(' | ')} |`;
  })
  .join('\n')}

*Keras moves*: how far Keras' own outputs move when its inputs move by 1e-7. ${halves.length} networks in half precision, which runs in float32 here: ${EXPORT_FORMATS.map((format) => `${format} ${told(halves, format)}`).join('; ')}.

| class | networks | ${EXPORT_FORMATS.join(' | ')} |
| --- | --- | ${EXPORT_FORMATS.map(() => '---').join(' | ')} |
${classes.map(({ name, of }) => `| ${name} | ${of.length} | ${EXPORT_FORMATS.map((format) => told(of, format)).join(' | ')} |`).join('\n')}
${refusals.length === 0 ? '' : `\n## Refused\n\n${refusals.map((detail) => `- ${detail}`).join('\n')}\n`}`;
process.stdout.write(PAGE);
