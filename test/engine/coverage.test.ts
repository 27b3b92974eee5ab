/** Which layer classes a training step can be recorded with, and that the recorded step does what the eager one does: what docs/coverage.md says. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { NOT_CAPTURED } from '../../src/engine/step/exceptions.ts';
import type { ModelDocument } from '../../src/model/document.ts';
import { readModel } from '../../src/model/formats/index.ts';
import { weightKey } from '../../src/model/graph.ts';
import { LAYER_CLASSES } from '../../src/model/layers/index.ts';
import { documentOf, functional, type LayerEntry, layer, randomFill } from '../helpers/documents.ts';
import { stepOf } from '../helpers/engine.ts';
import { type KerasArray, startKeras } from '../helpers/keras.ts';
import { expectClose } from '../helpers/numbers.ts';

interface Net {
  x: KerasArray;
  direction: KerasArray;
}

const keras = startKeras();
const folder = mkdtempSync(join(tmpdir(), 'espalier-coverage-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const nets = {
  ...(await keras.run<Record<string, Net>>('layers', { folder })),
  ...(await keras.run<Record<string, Net>>('recurrent_attention', { folder })),
};
// Names of operations are names of layers.
const operationFolder = mkdtempSync(join(folder, 'operations-'));
const operations = await keras.run<Record<string, Net>>('operations', { folder: operationFolder });
const operationDocuments = new Map<string, ModelDocument>();
const documents = new Map<string, ModelDocument>();
for (const name of Object.keys(nets)) documents.set(name, await readModel(join(folder, `${name}.keras`)));
for (const name of Object.keys(operations)) operationDocuments.set(name, await readModel(join(operationFolder, `${name}.keras`)));

it('every layer class is in a net', () => {
  const classes = new Set(
    [...documents.values(), ...operationDocuments.values()].flatMap(({ graph }) => graph.layers.map(({ className }) => className)),
  );
  expect([...classes].sort()).toEqual(Object.keys(LAYER_CLASSES).sort());
});

const isException = (name: string): boolean =>
  documents.get(name)!.graph.layers.some(({ className }) => NOT_CAPTURED[className] !== undefined);

/** Through Discretization no gradient passes back, as through some operations. */
const passesNothingBack = (name: string): boolean =>
  documents.get(name)!.graph.layers.some(({ className }) => className === 'Discretization');

describe.each(Object.keys(nets).filter((name) => !isException(name)))('%s', (name) => {
  it('is captured, and trains as the eager step trains it', () => {
    const net = nets[name]!;
    if (passesNothingBack(name)) expectSameTrainingBeside(documents.get(name)!, net);
    else expectSameTraining(trainable(documents.get(name)!), net.x, net.direction);
  });
});

describe.each(Object.keys(operations))('the operation %s', (name) => {
  it('is captured, and trains as the eager step trains it', () => {
    expectSameTrainingBeside(operationDocuments.get(name)!, operations[name]!);
  });
});

/** As `expectSameTraining`, of the document beside its input; the target is 0 there. */
function expectSameTrainingBeside(alone: ModelDocument, { x, direction }: Net): void {
  const document = besideItsInput(alone);
  const [width] = document.graph.outputs[0]!.shape as [number];
  const made = direction.data.length / direction.shape[0]!;
  const target = new Float32Array(direction.shape[0]! * width);
  for (let row = 0; row < direction.shape[0]!; row++) target.set(direction.data.subarray(row * made, (row + 1) * made), row * width);
  expectSameTraining(document, x, { shape: [direction.shape[0]!, width], data: target });
}

function expectSameTraining(document: ModelDocument, x: KerasArray, target: KerasArray): void {
  const options = { seed: 3, clipping: { type: 'global_norm', max_norm: 1 } };
  const [eager, captured] = (['eager', 'captured'] as const).map((kind) => {
    const step = stepOf(document, options, kind);
    const losses = [0, 1, 2].map(() => step.run(x, target, { learningRate: 0.01 }).loss);
    const weights = new Map(step.weights.keys().map((key) => [key, step.weights.value(key).data]));
    step.dispose();
    return { losses, weights };
  }) as [Outcome, Outcome];
  expect(eager.losses.every(Number.isFinite)).toBe(true);
  expectClose(captured.losses, eager.losses, { relative: 1e-5 }, 'losses');
  expect([...captured.weights.keys()]).toEqual([...eager.weights.keys()]);
  for (const [key, weight] of eager.weights) expectClose(captured.weights.get(key)!, weight, { relative: 1e-5 }, key);
}

interface Outcome {
  losses: number[];
  weights: Map<string, Float32Array>;
}

/** The document behind a scale, its output beside the scale's: some operations pass no gradient back. */
function besideItsInput(document: ModelDocument): ModelDocument {
  const { graph, config } = document;
  const inner = { ...config, config: { ...(config.config as object), name: 'inner' } } as unknown as LayerEntry;
  const scale: LayerEntry = {
    ...layer('LayerScale', 'scale', { init_values: 1, projection_dim: graph.inputs[0]!.shape.at(-1) }),
    module: 'keras.src.applications.convnext',
  };
  const wrapped = functional((net) => {
    const x = net.call(scale, net.input('x', graph.inputs[0]!.shape));
    const [made, beside] = [net.call(layer('Flatten', 'made'), net.call(inner, x)), net.call(layer('Flatten', 'beside'), x)];
    return net.call(layer('Concatenate', 'both', { axis: -1 }), made, beside);
  });
  return documentOf(wrapped, randomFill(1));
}

/** The document, behind a scale that can be trained where it has nothing else to train: without, no gradient would pass through its layers. */
function trainable(document: ModelDocument): ModelDocument {
  const { graph, config } = document;
  const trains = graph.layers.some((owner) => owner.trainable && owner.weights.some(({ role }) => role !== 'statistic'));
  if (trains) return document;
  const inner = { ...config, config: { ...(config.config as object), name: 'inner' } } as unknown as LayerEntry;
  const scale: LayerEntry = {
    ...layer('LayerScale', 'scale', { init_values: 1, projection_dim: graph.inputs[0]!.shape.at(-1) }),
    module: 'keras.src.applications.convnext',
  };
  const wrapped = functional((net) => {
    const x = net.input('x', graph.inputs[0]!.shape);
    return net.call(inner, net.call(scale, x));
  });
  const made = documentOf(wrapped, randomFill(1));
  for (const owner of graph.layers) {
    for (const { name } of owner.weights)
      made.weights.set(`inner/${weightKey(owner, name)}`, document.weights.get(weightKey(owner, name))!);
  }
  return made;
}
