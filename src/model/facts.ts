/** What is known of a model without running it; the form in which the ledger keeps it and the API shows it. */
import Type, { type Static } from 'typebox';
import { choice, nullable, strictObject } from '../schema.ts';
import { CompileFacts } from './compile-facts.ts';

const Shape = Type.Array(nullable(Type.Integer({ minimum: 0 })), { description: 'The first axis is the batch; null is a free dimension.' });

const Macs = Type.Integer({
  description:
    "Multiply-accumulates for one sample. A free axis counts as 1: its length is the data's, and jobs count with that of theirs.",
});

export const LayerFacts = strictObject({
  name: Type.String(),
  class_name: Type.String(),
  output_shape: Shape,
  parameters: Type.Integer(),
  trainable_parameters: Type.Integer(),
  macs: Macs,
});
export type LayerFacts = Static<typeof LayerFacts>;

export const EndpointFacts = strictObject({ name: Type.String(), shape: Shape });
export type EndpointFacts = Static<typeof EndpointFacts>;

export const ChannelGroupFacts = strictObject({
  layers: Type.Array(Type.String(), { description: 'Whose output units are removed together.' }),
  units: Type.Integer({ minimum: 1 }),
  frozen: nullable(strictObject({ reason: Type.String(), detail: Type.String() })),
});
export type ChannelGroupFacts = Static<typeof ChannelGroupFacts>;

export const PrunabilityFacts = strictObject({
  groups: Type.Array(ChannelGroupFacts, { description: 'Sets of units that can only be removed together.' }),
  prunable_weights: Type.Integer({ description: 'Weights that unstructured pruning may set to zero.' }),
  prunable_layers: Type.Array(Type.String(), { description: 'Layers with such weights.' }),
});
export type PrunabilityFacts = Static<typeof PrunabilityFacts>;

/** The warning of a model that jobs do not take, since an output has a mask. */
export const MASKED_OUTPUT = 'MASKED_OUTPUT';

/** The warning of a model that jobs do not train, since a layer of it does something in training that is not run. */
export const NOT_TRAINED = 'NOT_TRAINED';

/** The warning of a model whose multiply-accumulates hang on the length of a free axis. */
export const FREE_AXES = 'FREE_AXES_COUNT_AS_ONE';

/** The formats of model files: Keras 3's `.keras`, Keras' `.h5`, a TensorFlow.js layers model, safetensors beside a Keras config, and `.esp` (docs/esp.md). */
export const MODEL_FORMATS = ['keras', 'h5', 'tfjs', 'safetensors', 'esp'] as const;
export const ModelFormat = choice([...MODEL_FORMATS], { description: 'What the file is, by its content.' });
export type ModelFormat = Static<typeof ModelFormat>;

/** What models are written as for runtimes that know no Keras (docs/exports.md); no model is read of it again. */
export const EXPORT_FORMATS = ['onnx', 'tflite', 'tflite_float16', 'tflite_int8'] as const;

/** Everything that a model can be written as. */
export const OUTPUT_FORMATS = [...MODEL_FORMATS, ...EXPORT_FORMATS] as const;
export const OutputFormat = choice([...OUTPUT_FORMATS], {
  description: `What a model is written as. ${EXPORT_FORMATS.join(', ')} are for other runtimes and cannot be uploaded again (docs/exports.md).`,
});
export type OutputFormat = Static<typeof OutputFormat>;

/** Whether a model can be read of it. */
export function isModelFormat(format: string): format is ModelFormat {
  return MODEL_FORMATS.some((known) => known === format);
}

export const ModelFacts = strictObject({
  format: ModelFormat,
  /** Absent from facts that were stored before there was more than one. */
  output_formats: Type.Optional(
    Type.Array(OutputFormat, {
      description:
        'The formats in which it can be written so that stock Keras, or TensorFlow.js, loads it; `esp` becomes a `.keras` file again.',
    }),
  ),
  keras_version: nullable(Type.String()),
  name: Type.String(),
  inputs: Type.Array(EndpointFacts),
  outputs: Type.Array(
    strictObject({
      ...EndpointFacts.properties,
      activation: nullable(Type.String({ description: 'Of the layer that makes the output.' })),
    }),
  ),
  parameters: Type.Integer(),
  trainable_parameters: Type.Integer(),
  macs: Macs,
  layers: Type.Array(LayerFacts),
  compile: nullable(CompileFacts),
  prunability: PrunabilityFacts,
  warnings: Type.Array(strictObject({ code: Type.String(), detail: Type.String() })),
});
export type ModelFacts = Static<typeof ModelFacts>;
