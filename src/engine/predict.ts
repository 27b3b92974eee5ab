/** Predictions with models that stay loaded from one to the next, as many as fit. */
import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { Problem } from '../errors.ts';
import { readModel } from '../model/formats/index.ts';
import type { Graph } from '../model/graph.ts';
import { type Shape, size } from '../model/layers/index.ts';
import type { FrameArray, PredictFrame } from '../worker/frames.ts';
import { Cancelled } from './cancelled.ts';
import { forward } from './network.ts';
import { scope } from './scope.ts';
import { tf } from './tensorflow.ts';
import { Variables } from './variables.ts';

/** Bytes of the weights of all models that are kept; one that is larger is kept alone. */
const KEPT_BYTES = 512 * 2 ** 20;
/** Samples that go through a model at once: fewer where one tensor of theirs would have more elements than this. */
const LARGEST_CHUNK = 256;
const CHUNK_ELEMENTS = 2 ** 24;

interface LoadedModel {
  graph: Graph;
  weights: Variables;
  bytes: number;
}

/** A predictor of its own; belongs to one engine. */
export class Predictions {
  /** The one that was used last stands last. */
  private readonly models = new Map<string, LoadedModel>();
  private readonly keptBytes: number;

  constructor(keptBytes: number = KEPT_BYTES) {
    this.keptBytes = keptBytes;
  }

  /** What is kept, by SHA-256, the longest unused first. */
  get kept(): string[] {
    return [...this.models.keys()];
  }

  /**
   * The model's outputs for the frame's inputs, in the model's order. `cancelled` is asked between chunks. Throws Cancelled, Problem
   * MODEL_DATASET_MISMATCH where the inputs are not the model's, VALIDATION_FAILED where the outputs would be more than `max_output_bytes`, and those of
   * `readModel`.
   */
  async predict(frame: PredictFrame, cancelled: () => boolean): Promise<FrameArray[]> {
    const { graph, weights } = await this.load(frame);
    const inputs = graph.inputs.map(({ name }) => {
      const given = frame.inputs.find((input) => input.name === name);
      if (!given) throw new Problem('MODEL_DATASET_MISMATCH', `The model has an input ${name}; the request has none`);
      return given;
    });
    const samples = inputs[0]!.shape[0]!;
    const chunk = chunkSize(graph, inputs);
    const outputs: FrameArray[] = [];
    for (let start = 0; start < samples; start += chunk) {
      if (cancelled()) throw new Cancelled();
      const count = Math.min(chunk, samples - start);
      scope(() => {
        const given = inputs.map((input) => rows(input, start, count));
        const made = forward(graph, (key) => weights.read(key), given, { training: false });
        if (start === 0) outputs.push(...allocate(graph, made, samples, frame.max_output_bytes));
        made.forEach((tensor, index) => {
          outputs[index]!.data.set(tensor.dataSync<'float32'>(), (start * tensor.size) / count);
        });
      });
    }
    return outputs;
  }

  /** Forgets all models. */
  dispose(): void {
    for (const { weights } of this.models.values()) weights.dispose();
    this.models.clear();
  }

  private async load({ model_path, model_sha256 }: PredictFrame): Promise<LoadedModel> {
    const known = this.models.get(model_sha256);
    this.models.delete(model_sha256);
    const model = known ?? (await this.read(model_path));
    this.models.set(model_sha256, model);
    return model;
  }

  private async read(path: string): Promise<LoadedModel> {
    const document = await readModel(path);
    const bytes = [...document.weights.values()].reduce((sum, { data }) => sum + data.byteLength, 0);
    // Room is made first: both at once would be more than may be kept.
    let kept = [...this.models.values()].reduce((sum, model) => sum + model.bytes, 0);
    for (const [sha256, model] of this.models) {
      if (kept + bytes <= this.keptBytes) break;
      model.weights.dispose();
      this.models.delete(sha256);
      kept -= model.bytes;
    }
    return { graph: document.graph, weights: Variables.from(document.weights), bytes };
  }
}

function rows({ shape, data }: FrameArray, start: number, count: number): Tensor {
  const width = data.length / shape[0]!;
  // A copy: tfjs hands the array itself to TensorFlow.
  return tf.tensor(data.slice(start * width, (start + count) * width), [count, ...shape.slice(1)], 'float32');
}

function allocate(graph: Graph, made: readonly Tensor[], samples: number, maxBytes: number): FrameArray[] {
  const shapes = made.map((tensor) => [samples, ...tensor.shape.slice(1)]);
  const bytes = shapes.reduce((sum, shape) => sum + 4 * shape.reduce((product, axis) => product * axis, 1), 0);
  if (bytes > maxBytes) {
    throw new Problem(
      'VALIDATION_FAILED',
      `The outputs of ${samples} samples are ${bytes} bytes; at most ${maxBytes} are answered. Send fewer samples`,
    );
  }
  return shapes.map((shape, index) => ({
    name: graph.outputs[index]!.name,
    shape,
    data: new Float32Array(shape.reduce((product, axis) => product * axis, 1)),
  }));
}

/** As many samples as keep the largest tensor within bounds; a free dimension counts as the longest that the inputs have. */
function chunkSize(graph: Graph, inputs: readonly FrameArray[]): number {
  const longest = Math.max(1, ...inputs.flatMap(({ shape }) => shape.slice(1)));
  const elements = (shape: Shape) => size(shape.map((axis) => axis ?? longest));
  const largest = graph.shapes.reduce((most, shape) => Math.max(most, elements(shape)), 1);
  return Math.max(1, Math.min(LARGEST_CHUNK, Math.floor(CHUNK_ELEMENTS / largest)));
}
