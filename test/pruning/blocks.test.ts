/** Residual blocks: which there are, and what the document is without them. Nothing is run: see `keras-depth-and-rank.test.ts`. */
import { describe, expect, it } from 'vitest';
import { parameterCount, totalMacs } from '../../src/model/costs.ts';
import { makeDocument } from '../../src/model/document.ts';
import { costWithout, residualBlocks, selectableBlocks } from '../../src/pruning/blocks.ts';
import { removeBlocks } from '../../src/pruning/remove-blocks.ts';
import { dense, documentOf, randomFill, sequential } from '../helpers/documents.ts';
import { RESIDUAL } from '../helpers/residual.ts';

describe.each(Object.entries(RESIDUAL))('%s', (_name, { config, blocks, frozen = [] }) => {
  const document = documentOf(config, randomFill(3));

  it('has the blocks that it has', () => {
    const found = residualBlocks(document.graph);
    expect(found.filter((block) => block.frozen === null).map(({ name }) => name)).toEqual(blocks);
    expect(found.filter((block) => block.frozen !== null).map(({ name }) => name)).toEqual(frozen);
  });

  it('costs without each of them, and without all, what was counted before', () => {
    const all = selectableBlocks(document.graph, { exclude: [] }).blocks;
    for (const removed of [...all.map((block) => [block]), all]) {
      const { graph, weights } = removeBlocks(document, removed);
      expect({ macs: totalMacs(graph), parameters: parameterCount(graph).total }).toEqual(costWithout(document.graph, removed));
      expect(totalMacs(graph)).toBeLessThan(totalMacs(document.graph));
      for (const { layers } of removed) for (const name of layers) expect(graph.layers.map((layer) => layer.name)).not.toContain(name);
      for (const [key, weight] of weights) expect(weight, key).toBe(document.weights.get(key));
    }
  });
});

it('leaves blocks alone of which a layer is excluded, or none is included', () => {
  const { graph } = documentOf(RESIDUAL['three blocks in a row']!.config);
  const names = (selection: { include?: string[]; exclude: string[] }) => selectableBlocks(graph, selection).blocks.map(({ name }) => name);
  expect(names({ exclude: ['two_drop'] })).toEqual(['one_sum', 'three_sum']);
  expect(names({ include: ['two_a', 'three_sum'], exclude: [] })).toEqual(['two_sum', 'three_sum']);
  expect(selectableBlocks(graph, { exclude: ['two_drop'] }).leftOut).toEqual([{ name: 'two_sum', reason: 'two_drop is excluded' }]);
});

it('finds none in a chain', () => {
  expect(residualBlocks(documentOf(sequential([4], [dense('a', 4), dense('b', 4)])).graph)).toEqual([]);
});

it('moves what a file holds beside weights with its layers: Keras numbers them anew', () => {
  const plain = documentOf(RESIDUAL['three blocks in a row']!.config);
  const state = { shape: [2], type: 'uint32' as const, data: new Uint32Array([1, 2]) };
  const at = (number: string) => `layers/dropout${number}/seed_generator/vars/0`;
  const extras = ['', '_1', '_2'].map((number) => ({ ...state, path: at(number) })) as unknown as typeof plain.extras;
  const document = makeDocument({ ...plain, extras });
  const [, second] = residualBlocks(document.graph);
  const smaller = removeBlocks(document, [second!]);
  expect(smaller.extras.map(({ path }) => path)).toEqual([at(''), at('_1')]);
  expect(smaller.extras[1]).toEqual({ ...extras[2], path: at('_1') });
});
