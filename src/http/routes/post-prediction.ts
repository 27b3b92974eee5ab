import Type from 'typebox';
import { transformInputs } from '../../dataset/transform-inputs.ts';
import { Problem, received } from '../../errors.ts';
import { idPattern } from '../../jobs/ids.ts';
import type { NamedArray } from '../../jobs/predictions/arrays.ts';
import { PREDICTION_LIMITS } from '../../jobs/predictions/limits.ts';
import { nonFiniteWarnings, npzOfOutputs, withDistinctNames } from '../../jobs/predictions/outputs.ts';
import type { DatasetRow, ModelRow } from '../../ledger/ledger.ts';
import { strictObject } from '../../schema.ts';
import { preferred } from '../accept.ts';
import { attachment } from '../content/disposition.ts';
import { EXAMPLE_IDS } from '../examples.ts';
import { inputOf } from '../job-inputs.ts';
import { living } from '../living.ts';
import { MODEL_ID } from '../params.ts';
import { fitInputs } from '../predictions/fit-inputs.ts';
import { arrayOfLists, listsOfArray } from '../predictions/nested-lists.ts';
import { readNpzInputs } from '../predictions/npz-inputs.ts';
import { type Call, route } from '../route.ts';
import { Text } from '../schemas.ts';
import { missingPart } from '../uploads/missing-part.ts';
import { receiveParts } from '../uploads/receive-parts.ts';

const JSON_TYPE = 'application/json';
const NPZ_TYPE = 'application/zip';
const { max_samples, max_json_bytes, max_input_bytes, max_output_bytes, max_json_numbers, max_seconds } = PREDICTION_LIMITS;

const DATASET_FIELD =
  'A data set whose scaling and standardisation the inputs go through first, as in a job on it: they are then numbers as the data set stores them. For models with one input.';

const PredictionRequest = strictObject(
  {
    inputs: Type.Unknown({
      description:
        'Nested lists of numbers, samples first; for a model with several inputs an object that has such lists by the inputs’ names.',
    }),
    dataset_id: Type.Optional(Type.String({ pattern: idPattern('dst'), description: DATASET_FIELD })),
  },
  { title: 'PredictionRequest' },
);

const PredictionView = strictObject(
  {
    object: Type.Literal('prediction'),
    model_id: Type.String({ pattern: idPattern('mdl') }),
    samples: Type.Integer({ minimum: 1 }),
    outputs: Type.Unknown({
      description:
        'Nested lists of numbers, samples first; an object of such lists by the outputs’ names where there are several, or where the inputs came by name. null stands for NaN and the infinities.',
    }),
    warnings: Type.Array(strictObject({ code: Type.String(), detail: Type.String() }), {
      description: '`NON_FINITE_OUTPUTS` where an output holds NaN or an infinity.',
    }),
  },
  { title: 'Prediction' },
);

/** What came, whatever form it came in. */
interface Asked {
  inputs: NamedArray[];
  /** Where an input stands in the request. */
  placeOf: (name: string) => string;
  datasetId: string | undefined;
  byName: boolean;
  form: typeof JSON_TYPE | typeof NPZ_TYPE;
}

export const postPrediction = route({
  method: 'POST',
  path: '/v1/models/:id/predict',
  operationId: 'predict',
  summary: 'Ask a model for predictions',
  description: `Runs any model, uploaded or made by a job, on a few samples, so that two can be tried side by side. Inputs are what the model itself takes: what a job’s data set did to its samples before (\`result.inputs\` of the job) the caller does too, or names the data set. The answer comes in the form of the request unless \`Accept\` asks for the other: \`application/json\`, or \`application/zip\` for npz, with \`y\`, or an array an output by its name where there are several. At most ${max_samples} samples, ${max_input_bytes} bytes of inputs and ${max_output_bytes} of outputs as float32, and ${max_seconds} s from request to answer.`,
  tag: 'Models',
  access: 'write',
  params: MODEL_ID,
  headers: {
    Accept: { description: 'The form of the answer, where it is to be another than the request’s.', schema: Text, example: NPZ_TYPE },
  },
  body: {
    schema: PredictionRequest,
    maxBytes: max_json_bytes,
    examples: {
      one: {
        summary: 'Two samples for a model with one input',
        value: {
          inputs: [
            [0.1, 0.2, 0.3, 0.4],
            [0.5, 0.6, 0.7, 0.8],
          ],
        },
      },
      several: { summary: 'One sample for a model with two', value: { inputs: { image: [[[0], [1]]], age: [[42]] } } },
    },
  },
  multipart: {
    file: {
      description: 'npz: an array `x`, or an array an input by its name. Any number type; computed in float32.',
      file: true,
      required: true,
    },
    dataset_id: { description: DATASET_FIELD, file: false, required: false },
  },
  answers: {
    200: {
      description: 'The predictions.',
      content: {
        [JSON_TYPE]: {
          schema: PredictionView,
          example: {
            object: 'prediction',
            model_id: EXAMPLE_IDS.model,
            samples: 2,
            outputs: [
              [0.125, 0.875],
              [0.5, 0.5],
            ],
            warnings: [],
          },
        },
        [NPZ_TYPE]: { schema: null },
      },
      headers: {
        'Espalier-Warnings': {
          description: 'Codes of warnings, as an npz cannot carry them; it holds NaN and infinities as they are.',
          schema: Text,
          required: false,
        },
      },
    },
  },
  problems: [
    'NOT_FOUND',
    'GONE',
    'MODEL_DATASET_MISMATCH',
    'DATASET_UNREADABLE',
    'DATASET_INVALID',
    'TOO_MANY_REQUESTS',
    'UNAVAILABLE',
    'PREDICTION_TIMED_OUT',
    'ENGINE_FAILED',
    'OUT_OF_MEMORY',
  ],

  async handle(call) {
    const { principal, params, services, request, reply, gone } = call;
    const { ledger, predictions } = services;
    const id = params.id as string;
    const model = living(await ledger.findModel(principal.tenant, id), 'model', id);
    return predictions.within(principal.tenant, async (place) => {
      const asked = request.isMultipart() ? await readForm(call, model) : readJson(call.body, model);
      const form = preferred(request.headers.accept, asked.form, asked.form === JSON_TYPE ? NPZ_TYPE : JSON_TYPE);
      const fitted = fitInputs(model.facts, asked.inputs, max_samples, asked.placeOf);
      const samples = fitted[0]!.shape[0]!;
      refuseLargeAnswer(model, samples, form);
      const inputs =
        asked.datasetId === undefined
          ? fitted
          : transformed(fitted, inputOf('dataset', asked.datasetId, await ledger.findDataset(principal.tenant, asked.datasetId)));
      const outputs = withDistinctNames(await place.predict({ tenant: principal.tenant, model_id: id }, inputs, gone));
      const warnings = nonFiniteWarnings(outputs);
      if (form === NPZ_TYPE) {
        if (warnings.length > 0) reply.header('espalier-warnings', [...new Set(warnings.map(({ code }) => code))].join(', '));
        return reply
          .type(NPZ_TYPE)
          .header('content-disposition', attachment('predictions.npz'))
          .send(await npzOfOutputs(outputs));
      }
      // Where an output has free axes only now it is known how long they are.
      refuseManyNumbers(outputs.reduce((sum, { data }) => sum + data.length, 0));
      const lists = outputs.map((output) => [output.name, listsOfArray(output)] as const);
      const named = asked.byName || outputs.length > 1;
      return reply.send({
        object: 'prediction',
        model_id: id,
        samples,
        outputs: named ? Object.fromEntries(lists) : lists[0]![1],
        warnings,
      });
    });
  },
});

function readJson(body: { inputs: unknown; dataset_id?: string }, model: ModelRow): Asked {
  const { inputs, dataset_id: datasetId } = body;
  const [only] = model.facts.inputs;
  if (Array.isArray(inputs)) {
    if (model.facts.inputs.length > 1) {
      const names = model.facts.inputs.map(({ name }) => name).join(', ');
      const detail = `The model has ${model.facts.inputs.length} inputs: an object by their names is needed. It has: ${names}`;
      throw new Problem('MODEL_DATASET_MISMATCH', detail, { items: [{ pointer: '/inputs', detail }] });
    }
    const array = arrayOfLists(only!.name, inputs, '/inputs');
    return { inputs: [array], placeOf: () => '/inputs', datasetId, byName: false, form: JSON_TYPE };
  }
  if (inputs === null || typeof inputs !== 'object') {
    const detail = 'inputs are nested lists of numbers, or an object of them by the names of the model’s inputs';
    throw new Problem('VALIDATION_FAILED', detail, { items: [{ pointer: '/inputs', detail, received: received(inputs) }] });
  }
  const placeOf = (name: string) => `/inputs/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
  const arrays = Object.entries(inputs).map(([name, value]) => arrayOfLists(name, value, placeOf(name)));
  return { inputs: arrays, placeOf, datasetId, byName: true, form: JSON_TYPE };
}

async function readForm({ request, services }: Pick<Call<unknown, unknown>, 'request' | 'services'>, model: ModelRow): Promise<Asked> {
  const scratch = await services.blobs.scratch();
  try {
    const { files, fields } = await receiveParts(request, {
      files: ['file'],
      fields: ['dataset_id'],
      maxBytes: max_input_bytes,
      folder: scratch.folder,
    });
    const [file] = files;
    if (!file) throw missingPart('file', 'an npz of inputs');
    const arrays = await readNpzInputs(file.path, scratch.folder, max_input_bytes);
    const [only, ...others] = model.facts.inputs;
    const isX = others.length === 0 && arrays.length === 1 && arrays[0]!.name === 'x';
    return {
      inputs: isX ? [{ ...arrays[0]!, name: only!.name }] : arrays,
      placeOf: () => '#part:file',
      datasetId: fields.dataset_id,
      byName: false,
      form: NPZ_TYPE,
    };
  } finally {
    await scratch.remove();
  }
}

function transformed(inputs: NamedArray[], dataset: DatasetRow): NamedArray[] {
  const [input, ...others] = inputs;
  const data = others.length > 0 ? null : transformInputs(dataset.facts.x, input!);
  if (data) return [{ ...input!, data }];
  const why =
    others.length > 0
      ? `the model has ${inputs.length} inputs, and a data set knows one`
      : `its samples have shape [${dataset.facts.x.shape.join(', ')}]`;
  const detail = `The inputs cannot go through what ${dataset.id} does: ${why}. Leave dataset_id out and send what the model takes`;
  throw new Problem('MODEL_DATASET_MISMATCH', detail, { items: [{ pointer: '/dataset_id', detail, received: received(dataset.id) }] });
}

/** Before anything is computed, where the model's outputs have no free axes. */
function refuseLargeAnswer({ facts }: ModelRow, samples: number, form: Asked['form']): void {
  const numbers = facts.outputs.reduce(
    (sum, { shape }) => sum + shape.slice(1).reduce<number>((all, axis) => all * (axis ?? 1), samples),
    0,
  );
  if (4 * numbers > max_output_bytes) {
    throw new Problem(
      'VALIDATION_FAILED',
      `The outputs of ${samples} samples are ${4 * numbers} bytes; at most ${max_output_bytes} are answered (max_output_bytes). Send fewer samples`,
    );
  }
  if (form === JSON_TYPE) refuseManyNumbers(numbers);
}

function refuseManyNumbers(numbers: number): void {
  if (numbers <= max_json_numbers) return;
  throw new Problem(
    'VALIDATION_FAILED',
    `The outputs are ${numbers} numbers; in JSON at most ${max_json_numbers} are answered (max_json_numbers). Send fewer samples, or ask for npz: Accept: ${NPZ_TYPE}`,
  );
}
