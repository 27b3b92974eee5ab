import { expect, it } from 'vitest';
import { changedParts, robustnessParts, saliencyParts } from '../../../src/report/page/sections/robustness.ts';
import { unitsSection } from '../../../src/report/page/sections/units.ts';
import { pictureOf } from '../../../src/report/picture.ts';
import { numberedUnits, unitsRemoved } from '../../../src/report/units-removed.ts';

const interval = (value: number) => ({ value, low: value - 0.01, high: value + 0.01 });
const paired = (original: number, result: number) => ({
  original: interval(original),
  result: interval(result),
  difference: interval(result - original),
});
const picture = pictureOf([0, 1, 1, 0], { height: 2, width: 2, channels: 1 });

it('draws a curve of every corruption and one of the attacks, with their values in tables', () => {
  const { text } = robustnessParts({
    inputs: 100,
    image: { height: 28, width: 28, channels: 1 },
    clean: paired(0.98, 0.97),
    corruptions: [1, 2, 3, 4, 5].map((severity) => ({ kind: 'blur', severity, amount: severity, ...paired(0.9, 0.9 - severity / 10) })),
    corrupted: { original: 0.9, result: 0.6, difference: -0.3 },
    attacks: [
      { attack: 'fgsm', epsilon: 0.1, ...paired(0.7, 0.5), transferred: { to_original: interval(0.8), to_result: interval(0.75) } },
    ],
    no_gradient: { original: 0, result: 0.12 },
  });
  expect(text.match(/<svg [^>]*role="img"/g)).toHaveLength(2);
  expect(text).toContain('70.00');
  expect(text).toContain('which is no robustness');
});

it('says whether models look at the same pixels', () => {
  const agreement = { rank_correlation: interval(0.7), top_overlap: interval(0.5) };
  const floor = { rank_correlation: interval(0.6), top_overlap: interval(0.2) };
  const checks = { inputs: 80, looked_at: 100, agreement, noise_floor: floor, draws: 3, above_floor: 0.25, agrees: false };
  expect(saliencyParts(checks).text).toContain('does not look where the original does');
  expect(saliencyParts({ ...checks, agrees: true }).text).toContain('>looks where the original does<');
});

it('shows the samples that changed as pictures that say what they are', () => {
  const { text } = changedParts([
    {
      sample: 17,
      label: 3,
      divergence: 0.5,
      original: { class: 3, confidence: 0.9 },
      result: { class: 5, confidence: 0.6 },
      picture,
      saliency: { original: picture, result: picture },
    },
  ])!;
  expect(text.match(/<img [^>]*src="data:image\/png;base64,[^"]+" alt="[^"]+"/g)).toHaveLength(3);
  expect(text).toContain('5, 60.0');
});

it('lists the units that went, with the scores on either side of the cut', () => {
  const units = unitsRemoved(
    numberedUnits([
      [{ key: 'a', kind: 'channels' as const, layers: ['conv'], before: 6, removed: [1, 2, 3, 5], scores: [0.5, 0.1, 0.2, 0.1, 0.9, 0.3] }],
    ]),
  );
  const inputs = {
    layers: [{ name: 'out', inputs: 4, in_use: 2, mean_per_unit: 1, units: 3, units_without_inputs: 1 }],
    first: [{ layer: 'out', inputs: 4, read: '1001', in_use: 2, picture }],
  };
  const section = unitsSection({ job: { result: { units, inputs_in_use: inputs } } } as unknown as Parameters<typeof unitsSection>[0]);
  expect(section!.text).toContain('1–3, 5');
  expect(section!.text).toContain('The cut lies between 0.3');
  expect(section!.text).toContain('reads 2 of the 4 channels of the model’s input');
});

it('tells of zeros, blocks and ranks by which scores they went', () => {
  const shown = (result: object) => unitsSection({ job: { result } } as unknown as Parameters<typeof unitsSection>[0])!.text;
  const spread = {
    distribution: [
      { from: 0, to: 1, kept: 0, removed: 3 },
      { from: 1, to: 2, kept: 5, removed: 0 },
    ],
    lowest_kept: 1.5,
    highest_removed: 0.5,
  };
  const weights = { of: 'weights', kernels: [{ kernel: 'dense/kernel', before: 8, after: 5, ...spread }] };
  expect(shown({ weights })).toContain('Scores of the weights of dense/kernel. How many weights had a score in each range');
  expect(shown({ weights })).toContain('5 of 8 stay. The cut lies between 0.5');
  const planned = {
    of: 'weights',
    kernels: [{ kernel: 'k', before: 8, after: 5, distribution: null, lowest_kept: null, highest_removed: null }],
  };
  expect(shown({ weights: planned })).toContain('a plan said which go');
  const blocks = [
    { name: 'late', layers: ['b'], score: 0.9, removed: false },
    { name: 'early', layers: ['a'], score: 0.1, removed: true },
  ];
  expect(shown({ cuts: [{ blocks }] })).toMatch(/early.*removed.*late.*stays/s);
  const layers = [{ name: 'wide', rank: { before: 8, after: 5 }, energy: 0.97, ...spread }];
  expect(shown({ cuts: [{ layers }] })).toContain('Singular values of wide');
});
