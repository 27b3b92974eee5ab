import { describe, expect, it } from 'vitest';
import { checkOptions } from '../../src/dataset/options.ts';
import { checkParts, type DatasetPart } from '../../src/dataset/parts.ts';
import { readDataset } from '../../src/dataset/read.ts';
import { Problem } from '../../src/errors.ts';
import { folder, idx, refusal } from './fixtures.ts';

function complaint(attempt: () => void): Problem {
  try {
    attempt();
  } catch (error) {
    if (error instanceof Problem) return error;
    throw error;
  }
  return expect.fail('nothing was refused');
}

describe('parts', () => {
  const named = (names: string[]) => names.map((name) => ({ name, path: '/nowhere', filename: null })) as DatasetPart[];

  it.each([[['file']], [['x']], [['x', 'y']], [['x', 'x_test']], [['y', 'x', 'y_test', 'x_test']]])('%j make a data set', (names) => {
    expect(() => checkParts(named(names))).not.toThrow();
  });

  it.each([
    [[], '#part:file', 'No data were sent'],
    [['y'], '#part:file', '#part:x is missing'],
    [['x', 'x'], '#part:x', '#part:x was sent more than once'],
    [['file', 'file'], '#part:file', '#part:file was sent more than once'],
    [['file', 'x'], '#part:x', '#part:x was sent beside #part:file'],
    [['x', 'z'], '#part:z', '#part:z is not a part'],
    [['x', 'y', 'y_test'], '#part:x_test', 'without #part:x_test'],
    [['x', 'y', 'x_test'], '#part:y_test', '#part:y_test is missing'],
    [['x', 'x_test', 'y_test'], '#part:y', '#part:y is missing'],
  ])('%j do not', (names, pointer, message) => {
    const problem = complaint(() => checkParts(named(names)));
    expect(problem.code).toBe('DATASET_INVALID');
    expect(problem.message).toContain(message);
    expect(problem.message).toContain('Accepted are');
    expect(problem.items[0]?.pointer).toBe(pointer);
  });

  it('of the wrong format say where it belongs', async () => {
    const x = idx(8, [3], [1, 2, 3]);
    expect((await refusal('DATASET_INVALID', { file: x })).message).toContain('send it as #part:x');
    expect((await refusal('DATASET_INVALID', { x, y: 'a\n1\n' })).message).toBe(
      '#part:y is text; parts x and y are IDX. Send npz or CSV as #part:file',
    );
    expect((await refusal('DATASET_INVALID', { x }, { label_column: 'a' })).message).toContain('label_column is for CSV');
  });

  it('that cannot be opened are a fault, not a problem of the caller', async () => {
    const missing = readDataset([{ name: 'x', path: '/nowhere/x', filename: null }], {}, folder());
    await expect(missing).rejects.toThrow('ENOENT');
    await expect(missing).rejects.not.toBeInstanceOf(Problem);
  });
});

describe('options', () => {
  it.each([
    {},
    { split: {} },
    { split: { selection: 0 } },
    { split: { selection: 0.5, test: 12, shuffle: false, seed: 7 } },
    { scale: 'unit' },
    { scale: 0.25 },
    { label_column: 'a' },
  ])('%j are accepted', (options) => {
    expect(() => checkOptions(options)).not.toThrow();
  });

  it.each([
    [{ split: { selection: -1 } }, '#part:split', 'split.selection', '-1'],
    [{ split: { test: -3 } }, '#part:split', 'split.test', '-3'],
    [{ split: { test: '10' } }, '#part:split', 'split.test', '"10"'],
    [{ split: { validation: 0.1 } }, '#part:split', 'split.validation is not an option;', '0.1'],
    [{ split: { seed: 0.5 } }, '#part:split', 'split.seed', '0.5'],
    [{ split: 0.1 }, '#part:split', 'split', '0.1'],
    [{ scale: 'half' }, '#part:scale', 'scale is none of the accepted values;', '"half"'],
    [{ scale: 0 }, '#part:scale', 'scale', '0'],
    [{ label_column: '' }, '#part:label_column', 'label_column', '""'],
    [{ shuffle: true }, '#part:shuffle', 'shuffle is not an option;', 'true'],
    ['split', '', 'The options', '"split"'],
  ])('%j are refused', (options, pointer, named, received) => {
    const problem = complaint(() => checkOptions(options));
    expect(problem.code).toBe('DATASET_INVALID');
    expect(problem.message.startsWith(named)).toBe(true);
    expect(problem.message).toContain('accepted are split {selection, test, shuffle, stratify, seed}');
    expect(problem.items).toEqual([{ pointer, detail: problem.message, received }]);
  });
});
