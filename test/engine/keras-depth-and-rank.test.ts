/** Networks without their residual blocks, and with two layers for one: each is proved, loads in stock Keras, and predicts there what the engine does. */
import { expect, it } from 'vitest';
import { forward } from '../../src/engine/network.ts';
import { proveAgainst } from '../../src/engine/proof.ts';
import { withoutBranches } from '../../src/engine/pruning/depth-cutter.ts';
import { singularValues } from '../../src/engine/singular-values.ts';
import { Variables } from '../../src/engine/variables.ts';
import { type ModelDocument, withWeights } from '../../src/model/document.ts';
import { selectableBlocks } from '../../src/pruning/blocks.ts';
import { factorableKernels, factorsOf, mostRank, productOf, withFactors } from '../../src/pruning/low-rank.ts';
import { removeBlocks } from '../../src/pruning/remove-blocks.ts';
import { documentOf, randomFill } from '../helpers/documents.ts';
import { tensorOf } from '../helpers/engine.ts';
import { HAZARDS } from '../helpers/hazards.ts';
import { startKeras } from '../helpers/keras.ts';
import { RESIDUAL } from '../helpers/residual.ts';
import { expectSameInKeras, probesOf } from '../helpers/same-in-keras.ts';

const keras = startKeras();
const everything = { exclude: [] };
/** Every third of the hazards: each is loaded twice here. */
const NETWORKS = { ...RESIDUAL, ...Object.fromEntries(Object.entries(HAZARDS).filter((_, index) => index % 3 === 0)) };

interface Cut {
  smaller: ModelDocument;
  reference: (read: (key: string) => ReturnType<Variables['read']>, inputs: ReturnType<typeof tensorOf>[]) => ReturnType<typeof forward>;
}

function withoutBlocks(original: ModelDocument): Cut | null {
  const { blocks } = selectableBlocks(original.graph, everything);
  if (blocks.length === 0) return null;
  return { smaller: removeBlocks(original, blocks), reference: (read, inputs) => withoutBranches(original, blocks, read, inputs) };
}

function factorised(original: ModelDocument): Cut | null {
  const { kernels } = factorableKernels(original.graph, everything);
  if (kernels.length === 0) return null;
  const made = kernels.map((kernel) => {
    const spectrum = singularValues(original.weights.get(kernel.key)!.data, [kernel.inputs, kernel.units]);
    return [kernel, factorsOf(spectrum, kernel, [...Array(mostRank(kernel)).keys()])] as const;
  });
  const products = made.map(
    ([kernel, factors]) => [kernel.key, productOf(factors, kernel, original.weights.get(kernel.key)!.shape)] as const,
  );
  const truncated = Variables.from(withWeights(original, new Map([...original.weights, ...products])).weights);
  return {
    smaller: withFactors(original, new Map(made)),
    reference: (_read, inputs) => forward(original.graph, (key) => truncated.read(key), inputs, { training: false, logits: true }),
  };
}

it.each([
  ['without blocks', withoutBlocks, 8],
  ['with factors', factorised, 20],
])('networks %s are proved, and predict the same in stock Keras', async (_name, cutOf, least) => {
  const cases = [];
  for (const [name, { config }] of Object.entries(NETWORKS)) {
    const original = documentOf(config, randomFill(9));
    const cut = cutOf(original);
    if (!cut) continue;
    const { smaller, reference } = cut;
    const x = probesOf(original);
    const probes = x.map(tensorOf);
    const proof = proveAgainst(original, smaller, (read) => ({ outputs: reference(read, probes), functionChanged: false }), probes);
    expect(proof, name).toMatchObject({ holds: true });
    cases.push({ name, document: smaller, x });
  }
  expect(cases.length, cases.map(({ name }) => name).join('; ')).toBeGreaterThanOrEqual(least);
  await expectSameInKeras(keras, cases);
});
