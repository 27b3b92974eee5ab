import { describe, expect, it } from 'vitest';
import { inputsInUse } from '../../src/report/inputs-in-use.ts';
import { numberedUnits, unitsRemoved } from '../../src/report/units-removed.ts';
import { conv2d, dense, documentOf, flatten, sequential } from '../helpers/documents.ts';

describe('units that cuts removed', () => {
  const first = { key: 'a', layers: ['conv'], kind: 'channels' as const, before: 5, removed: [1, 4], scores: [0.5, 0.1, 0.6, 0.7, 0.2] };
  const second = { key: 'a', layers: ['conv'], kind: 'channels' as const, before: 3, removed: [1], scores: [5, 1, 6] };

  it('are told in the numbers of the original layer, each with the newest score', () => {
    const [group] = numberedUnits([[first], [second]]);
    expect(group).toEqual({ layers: ['conv'], kind: 'channels', kept: [0, 3], removed: [1, 2, 4], scores: [5, 0.1, 1, 6, 0.2] });
  });

  it('are counted by score, with what lies on either side of the cut', () => {
    const [group] = unitsRemoved(numberedUnits([[first]])).groups;
    expect(group).toMatchObject({ before: 5, after: 3, lowest_kept: 0.5, highest_removed: 0.2 });
    expect(group!.distribution).toHaveLength(16);
    expect(group!.distribution!.reduce((sum, bin) => sum + bin.kept, 0)).toBe(3);
    expect(group!.distribution![0]).toMatchObject({ from: 0.1, removed: 1, kept: 0 });
    expect(group!.distribution!.at(-1)).toMatchObject({ to: 0.7, kept: 1 });
  });

  it('have no scores where a plan named them, and are not listed where there are too many', () => {
    expect(unitsRemoved(numberedUnits([[{ ...first, scores: null }]])).groups[0]).toMatchObject({ distribution: null, lowest_kept: null });
    const wide = unitsRemoved(
      numberedUnits([[{ key: 'b', layers: ['wide'], kind: 'channels', before: 3000, removed: [7], scores: null }]]),
    );
    expect(wide.units).toBe(null);
    expect(wide.groups[0]).toMatchObject({ before: 3000, after: 2999 });
  });
});

describe('inputs in use', () => {
  it('are those that any weight reads, and the pixels of a first dense layer a picture', () => {
    // Unit 0 reads pixel 0, unit 1 pixels 0 and 3, unit 2 none.
    const kernel = [1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0];
    const document = documentOf(sequential([2, 2], [flatten('flat'), dense('out', 3)]), (key, at) =>
      key === 'out/kernel' ? kernel[at]! : 0,
    );
    const { layers, first } = inputsInUse(document, { height: 2, width: 2, channels: 1 });
    expect(layers).toEqual([{ name: 'out', inputs: 4, in_use: 2, mean_per_unit: 1, units: 3, units_without_inputs: 1 }]);
    expect(first).toMatchObject([{ layer: 'out', inputs: 4, read: '1001', in_use: 2 }]);
    expect(first[0]!.picture).toMatch(/^data:image\/png;base64,/);
  });

  it('of a convolution are its channels', () => {
    const document = documentOf(sequential([5, 5, 2], [conv2d('conv', 1, 3), flatten('flat'), dense('out', 1)]), (key, at) =>
      key === 'conv/kernel' ? at % 2 : 1,
    );
    const { layers, first } = inputsInUse(document, null);
    expect(layers[0]).toMatchObject({ name: 'conv', inputs: 2, in_use: 1, mean_per_unit: 1 });
    expect(first).toEqual([{ layer: 'conv', inputs: 2, read: '01', in_use: 1, picture: null }]);
  });
});
