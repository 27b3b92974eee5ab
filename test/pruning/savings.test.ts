import { resolve } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LayerSelection } from '../../src/jobs/spec/index.ts';
import { parameterCount, totalMacs } from '../../src/model/costs.ts';
import { selectableGroups } from '../../src/pruning/allocation.ts';
import { channelMap } from '../../src/pruning/groups.ts';
import { largestSavings, readSavings } from '../../src/pruning/savings.ts';
import { type Removed, removeUnits } from '../../src/pruning/surgery.ts';
import { fillDefaults } from '../../src/schema.ts';
import { conv2d, dense, documentOf, flatten, functional, layer, sequential } from '../helpers/documents.ts';
import { configOf, randomGraph } from '../helpers/random-graphs.ts';

const channels = { type: 'channels' as const, round_to: 1, min_channels: 1, max_ratio: 1 };
const layers = (selection: Partial<LayerSelection> = {}) => fillDefaults(LayerSelection, selection);

describe('the largest savings', () => {
  it('of LeNet-5 are what a network of one unit a layer has', async () => {
    const path = resolve(import.meta.dirname, '../../examples/mnist/lenet_5.keras');
    const savings = await readSavings(path, { structure: channels, layers: layers() });
    // conv 5×5 1->1, conv 5×5 1->1, 16->1, 1->10, each with its biases.
    const parameters = 26 + 26 + 17 + 20;
    const macs = 24 * 24 * 25 + 8 * 8 * 25 + 16 + 10;
    expect(savings.largest_saving).toEqual({
      parameters: { before: 431_080, after: parameters, kept: parameters / 431_080 },
      macs: { before: 2_293_000, after: macs, kept: macs / 2_293_000 },
    });
    // conv_1 alone: 26 weights instead of 520, and 25·50 instead of 25·20·50 in what reads it.
    expect(savings.groups[0]).toMatchObject({
      layers: ['conv_1'],
      units: 20,
      removable: 19,
      blocked: null,
      largest_saving: { parameters: { after: 431_080 - 494 - 19 * 25 * 50 }, macs: { after: 14_400 + 80_000 + 400_000 + 5_000 } },
    });
    expect(savings.layers.map(({ name, removable, blocked }) => [name, removable, blocked?.reason])).toEqual([
      ['conv_1', 19, undefined],
      ['pool_1', 0, 'NO_UNITS_OF_ITS_OWN'],
      ['conv_2', 49, undefined],
      ['pool_2', 0, 'NO_UNITS_OF_ITS_OWN'],
      ['flatten', 0, 'NO_UNITS_OF_ITS_OWN'],
      ['hidden', 499, undefined],
      ['digits', 0, 'MODEL_OUTPUT'],
    ]);
  });

  it('heed the options, and say which of them stands in the way', () => {
    const { graph } = documentOf(
      functional((model) => {
        const a = model.call(conv2d('a', 8, 3, { padding: 'same' }), model.input('x', [4, 4, 3]));
        const sum = model.call(layer('Add', 'sum'), a, model.call(conv2d('b', 8, 3, { padding: 'same' }), a));
        const wide = model.call(dense('wide', 20), model.call(flatten('flat'), sum));
        return model.call(dense('out', 2), model.call(dense('narrow', 3), wide));
      }),
    );
    const reasons = (options: Parameters<typeof largestSavings>[1]) =>
      Object.fromEntries(largestSavings(graph, options).layers.map(({ name, removable, blocked }) => [name, blocked?.reason ?? removable]));
    const rest = { sum: 'NO_UNITS_OF_ITS_OWN', flat: 'NO_UNITS_OF_ITS_OWN', out: 'MODEL_OUTPUT' };
    expect(reasons({ structure: { ...channels, round_to: 4, min_channels: 2 }, layers: layers() })).toEqual({
      ...rest,
      a: 4,
      b: 4,
      wide: 16,
      narrow: 'AT_ITS_LIMIT',
    });
    expect(reasons({ structure: channels, layers: layers({ exclude: ['b'], overrides: { wide: { sparsity: 0.5 } } }) })).toEqual({
      ...rest,
      a: 'EXCLUDED',
      b: 'EXCLUDED',
      wide: 10,
      narrow: 2,
    });
    const included = largestSavings(graph, { structure: channels, layers: layers({ include: ['narrow'] }) });
    expect(included.layers.map(({ blocked }) => blocked?.reason)).toEqual([
      'NOT_INCLUDED',
      'NOT_INCLUDED',
      'NO_UNITS_OF_ITS_OWN',
      'NO_UNITS_OF_ITS_OWN',
      'NOT_INCLUDED',
      undefined,
      'MODEL_OUTPUT',
    ]);
    expect(included.unstructured).toEqual({ prunable_weights: 60, largest_sparsity: 1 - 3 / 60 });
  });

  it('of a network without anything to cut are none', () => {
    const { largest_saving, groups } = largestSavings(documentOf(sequential([4], [dense('y', 2)])).graph, {
      structure: channels,
      layers: layers(),
    });
    expect(largest_saving).toEqual({ parameters: { before: 10, after: 10, kept: 1 }, macs: { before: 8, after: 8, kept: 1 } });
    expect(groups[0]!.blocked!.reason).toBe('MODEL_OUTPUT');
  });

  it('are those of the network that surgery leaves', () => {
    fc.assert(
      fc.property(randomGraph, fc.double({ min: 0.1, max: 1, noNaN: true }), (plan, max_ratio) => {
        const document = documentOf(configOf(plan));
        const savings = largestSavings(document.graph, { structure: { ...channels, max_ratio }, layers: layers() });
        const map = channelMap(document.graph);
        const removed: Removed = new Uint8Array(map.unitCount);
        for (const group of selectableGroups(map, layers())) {
          const { removable } = savings.groups.find((candidate) => candidate.layers.join() === group.layers.join())!;
          for (const unit of group.units.slice(group.units.length - removable)) removed[unit] = 1;
        }
        const smaller = removeUnits(document, map, removed).graph;
        expect(savings.largest_saving.macs.after).toBe(totalMacs(smaller));
        expect(savings.largest_saving.parameters.after).toBe(parameterCount(smaller).total);
      }),
      { numRuns: 100 },
    );
  });
});
