import { describe, expect, it } from 'vitest';
import { atSamples, withFreeAxes } from '../../src/model/at-samples.ts';
import { callMacs, totalMacs } from '../../src/model/costs.ts';
import { writableFormats, writeModel } from '../../src/model/formats/index.ts';
import type { readGraph } from '../../src/model/graph.ts';
import { sampleShape } from '../../src/model/sample-shape.ts';
import { channelMap } from '../../src/pruning/groups.ts';
import { macsWithout, removeUnits } from '../../src/pruning/surgery.ts';
import { conv2d, dense, documentOf, functional, layer, randomFill, sequential } from '../helpers/documents.ts';
import { expectProblem } from '../helpers/problems.ts';

const layers = () => [
  conv2d('c1', 8, 3, { padding: 'same', activation: 'relu' }),
  conv2d('c2', 8, 3, { padding: 'same', strides: [2, 2] }),
  layer('GlobalAveragePooling2D', 'pool', { keepdims: false, data_format: 'channels_last' }),
  dense('d1', 32),
  dense('out', 4),
];
const free = () => documentOf(sequential([null, null, 3], layers()), randomFill(1));
const fixed = () => documentOf(sequential([12, 12, 3], layers()), randomFill(1));

describe('a sample as an input takes it', () => {
  it.each([
    [
      [null, null, 3],
      [12, 10, 3],
      [12, 10, 3],
    ],
    [[null, 1], [7], [7, 1]],
    [
      [1, null, 3],
      [7, 3, 1],
      [1, 7, 3],
    ],
    [[12, 12, 1], [144], [12, 12, 1]],
  ])('%j, of %j, is %j', (shape, sample, expected) => expect(sampleShape(shape, sample)).toEqual(expected));
});

describe('a model with free axes at samples', () => {
  it('costs at each call what its twin of that size costs', () => {
    const macs = ({ graph }: { graph: ReturnType<typeof readGraph> }) => callMacs(graph).map((call) => call.macs);
    const sized = atSamples(free(), [12, 12, 3]);
    expect(macs(sized)).toEqual(macs(fixed()));
    // 144 places of 8 · 27, 36 of 8 · 72, and two dense layers.
    expect(totalMacs(sized.graph)).toBe(52_224);
    expect(totalMacs(free().graph)).toBe(1_176);
  });

  it('is cut to one that costs what was planned, and keeps its free axes in its config and its size in its graph', () => {
    const document = atSamples(free(), [12, 12, 3]);
    const map = channelMap(document.graph);
    const removed = new Uint8Array(map.unitCount);
    const { units } = map.groups.find((group) => group.layers.includes('c1'))!;
    for (const unit of units.subarray(0, 3)) removed[unit] = 1;
    const smaller = removeUnits(document, map, removed);
    expect(totalMacs(smaller.graph)).toBe(macsWithout(map, removed));
    expect(smaller.graph.inputs[0]!.shape).toEqual([12, 12, 3]);
    expect(withFreeAxes(smaller).graph.inputs[0]!.shape).toEqual([null, null, 3]);
    expect(withFreeAxes(smaller).graph.outputs[0]!.shape).toEqual([4]);
  });

  it('counts products along free axes whose units nobody follows', () => {
    const config = functional((net) => {
      const x = net.input('x', [null, 6]);
      const hidden = net.call(dense('d', 8), x);
      const turned = net.call(layer('Permute', 'turn', { dims: [2, 1] }), hidden);
      return net.call(layer('Dot', 'dot', { axes: [2, 1], normalize: false }), hidden, turned);
    });
    for (const document of [documentOf(config), atSamples(documentOf(config), [5, 6])]) {
      const map = channelMap(document.graph);
      expect(macsWithout(map, new Uint8Array(map.unitCount))).toBe(totalMacs(document.graph));
    }
    expect(totalMacs(atSamples(documentOf(config), [5, 6]).graph)).toBe(5 * 6 * 8 + 5 * 5 * 8);
  });

  it('is written as without them, in every format', async () => {
    const formats = writableFormats(free());
    expect(writableFormats(atSamples(free(), [12, 12, 3]))).toEqual(formats);
    for (const format of formats) {
      const [plain, sized] = [await writeModel(free(), format), await writeModel(atSamples(free(), [12, 12, 3]), format)];
      expect(Buffer.from(sized).equals(Buffer.from(plain)), format).toBe(true);
    }
  });

  it('is the document itself where nothing is free, or there are several inputs', () => {
    const document = fixed();
    expect(atSamples(document, [12, 12, 3])).toBe(document);
    expect(withFreeAxes(document)).toBe(document);
    const two = documentOf(functional((net) => net.call(layer('Add', 'sum'), net.input('a', [null, 2]), net.input('b', [null, 2]))));
    expect(atSamples(two, [3, 2])).toBe(two);
  });

  it('reaches nested models, whose own inputs are free', () => {
    const inner = { ...sequential([null, null, 3], [conv2d('c', 2, 3)]), name: 'inner' } as ReturnType<typeof layer>;
    inner.config.name = 'inner';
    const { graph } = atSamples(documentOf(sequential([null, null, 3], [inner])), [5, 6, 3]);
    expect(graph.outputs[0]!.shape).toEqual([3, 4, 2]);
  });

  it('is refused where samples do not go through a layer, with its name', async () => {
    const small = documentOf(sequential([null, null, 3], [conv2d('c', 2, 5)]));
    await expectProblem(async () => atSamples(small, [3, 3, 3]), 'MODEL_UNREADABLE', /Layer c \(Conv2D\)/);
  });
});
