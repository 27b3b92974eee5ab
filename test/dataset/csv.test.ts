import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { readDataset } from '../../src/dataset/read.ts';
import { Problem } from '../../src/errors.ts';
import { build, folder, numpy, parts, refusal, splitsOf, stored, storedX, storedY } from './fixtures.ts';

// On a busy machine, processes and large files take their time.
vi.setConfig({ testTimeout: 120_000 });

const noShuffle = { split: { shuffle: false } };
const label = { ...noShuffle, label_column: 'label' };

describe('a table', () => {
  it('is stored as float32, with its label column as y', async () => {
    const file = 'width,label,height\n1,0,2.5\n-3e2,1,+.5\n0.1,0,4.\n';
    const dataset = await build({ file }, label);
    expect(dataset.facts).toEqual({
      format: 'csv',
      x: { dtype: 'float32', shape: [2], min: -300, max: 4, scale: 1, columns: ['width', 'height'] },
      y: { dtype: 'uint8', shape: [], min: 0, max: 1, classes: 2, counts: [2, 1] },
      samples: 3,
      splits: { train: 1, selection: 1, test: 1 },
      test_given: false,
    });
    expect(storedX(dataset)).toEqual([1, 2.5, -300, 0.5, Math.fround(0.1), 4]);
    expect(storedY(dataset)).toEqual([0, 1, 0]);
  });

  it('without label_column has no y', async () => {
    const dataset = await build({ file: 'a,b\n1,2\n3,4\n5,6\n' }, noShuffle);
    expect(dataset.facts.y).toBeNull();
    expect(dataset.facts.x.shape).toEqual([2]);
  });

  it.each([
    ['semicolons', 'a;b;label\n1;2;0\n3;4;1\n5;6;1\n'],
    ['tabs', 'a\tb\tlabel\n1\t2\t0\n3\t4\t1\n5\t6\t1\n'],
    ['a byte order mark', '\ufeffa,b,label\n1,2,0\n3,4,1\n5,6,1\n'],
    ['Windows line ends', 'a,b,label\r\n1,2,0\r\n3,4,1\r\n5,6,1'],
    ['old Mac line ends', 'a,b,label\r1,2,0\r3,4,1\r5,6,1\r'],
    ['quotes', '"a",b,"label"\n"1",2,"0"\n3,"4",1\n5,6,1\n'],
    ['spaces', 'a , b,label\n 1, 2 ,0\n3,4 , 1\n5,6,1 \n'],
    ['empty lines', 'a,b,label\n\n1,2,0\n\n\n3,4,1\n5,6,1\n\n'],
    ['gzip', gzipSync('a,b,label\n1,2,0\n3,4,1\n5,6,1\n')],
  ])('with %s is read', async (_, file) => {
    const dataset = await build({ file }, label);
    expect(dataset.facts.x.columns).toEqual(['a', 'b']);
    expect(storedX(dataset)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(storedY(dataset)).toEqual([0, 1, 1]);
  });

  it('may have delimiters, quotes and line ends within quoted names', async () => {
    const file = '"a;b;c;d",label,"say ""hi""\n"\n1,0,2\n3,1,4\n5,1,6\n';
    expect((await build({ file }, label)).facts.x.columns).toEqual(['a;b;c;d', 'say "hi"']);
  });

  it('agrees with NumPy on what the numbers are', async () => {
    const path = folder();
    numpy(
      path,
      `rng = np.random.default_rng(3)
x = rng.normal(size=(500, 7)) * 10.0 ** rng.integers(-30, 30, (500, 7))
np.savetxt('x.csv', x, delimiter=';', header=';'.join('abcdefg'), comments='')
np.savetxt('short.csv', x, fmt='%.6g', delimiter=',', header=','.join('abcdefg'), comments='')
for name, d in [('x', ';'), ('short', ',')]: np.loadtxt(name + '.csv', delimiter=d, skiprows=1).astype('<f4').tofile(name + '.raw')`,
    );
    for (const name of ['x', 'short']) {
      const dataset = await build({ file: { path: join(path, `${name}.csv`) } }, noShuffle);
      expect(readFileSync(dataset.files.x).equals(readFileSync(join(path, `${name}.raw`)))).toBe(true);
    }
  });

  it('of many columns does not list them all', async () => {
    const names = Array.from({ length: 5000 }, (_, index) => `c${index}`);
    const row = names.map((_, index) => index).join();
    const dataset = await build({ file: `${names.join()}\n${row}\n${row}\n${row}\n` });
    expect(dataset.facts.x).toMatchObject({ shape: [5000], max: 4999 });
    expect(dataset.facts.x.columns).toBeUndefined();
  });

  it('larger than any buffer is read to its end', async () => {
    const path = join(folder(), 'large.csv');
    const file = openSync(path, 'w');
    writeSync(file, 'a,b,label\n');
    const rows = 400_000;
    for (let row = 0; row < rows; row += 1000) {
      writeSync(file, Array.from({ length: 1000 }, (_, index) => `${row + index},-${row + index}.5,${(row + index) % 10}\n`).join(''));
    }
    closeSync(file);
    const dataset = await build({ file: { path } }, label);
    expect(dataset.facts).toMatchObject({ samples: rows, x: { min: -399999.5, max: 399999 }, y: { classes: 10 } });
    expect(dataset.facts.y?.counts).toEqual(new Array(10).fill(rows / 10));
    const values = storedX(dataset);
    expect(values.every((value, index) => value === (index % 2 === 0 ? index / 2 : -(index - 1) / 2 - 0.5))).toBe(true);
  });
});

describe('labels', () => {
  const table = (labels: (string | number)[]) => `x,label\n${labels.map((value, index) => `${index},${value}`).join('\n')}\n`;

  it('of text are numbered in sorted order', async () => {
    const dataset = await build(
      { file: table(['setosa', 'virginica', '"setosa"', 'iris, wild', 'virginica ']).replace('iris, wild', '"iris, wild"') },
      label,
    );
    expect(dataset.facts.y).toEqual({
      dtype: 'uint8',
      shape: [],
      min: 0,
      max: 2,
      classes: 3,
      class_names: ['iris, wild', 'setosa', 'virginica'],
      counts: [1, 2, 2],
    });
    expect(storedY(dataset)).toEqual([1, 2, 1, 0, 2]);
  });

  it('that are not whole, or leave a gap, are numbers to predict', async () => {
    const fractions = await build({ file: table([0, 1.5, 2]) }, label);
    expect(fractions.facts.y).toEqual({ dtype: 'float32', shape: [], min: 0, max: 2, classes: null });
    const gap = await build({ file: table([0, 1, 3, 3]) }, label);
    expect(gap.facts.y).toMatchObject({ dtype: 'float32', classes: null });
    const fromOne = await build({ file: table([1, 2, 3]) }, label);
    expect(fromOne.facts.y).toMatchObject({ dtype: 'float32', classes: null, min: 1 });
    expect(storedY(fromOne)).toEqual([1, 2, 3]);
  });

  it('of very many classes list neither names nor counts', async () => {
    const dataset = await build({ file: table(Array.from({ length: 5000 }, (_, index) => `name ${index}`)) }, label);
    expect(dataset.facts.y).toEqual({ dtype: 'int32', shape: [], min: 0, max: 4999, classes: 5000 });
  });

  it('that mix text and numbers are refused with their place', async () => {
    const typing = await refusal('DATASET_INVALID', { file: table([1, 2.5, '2,5'].map((value) => `"${value}"`)) }, label);
    expect(typing.message).toBe(
      "Line 4, column 2 ('label') of #part:file is text, and the labels before it are numbers; labels are all numbers or all text",
    );
    expect(typing.items[0]?.received).toBe('"2,5"');
    expect((await refusal('DATASET_INVALID', { file: table(['cat', 3]) }, label)).message).toContain(
      'is a number, and the labels before it are text',
    );
    expect((await refusal('DATASET_INVALID', { file: table([1, 'nan']) }, label)).message).toContain('is text');
  });

  it('that are empty, too long or too many are refused', async () => {
    expect((await refusal('DATASET_INVALID', { file: table(['a', '']) }, label)).message).toContain('Line 3, column 2');
    expect((await refusal('DATASET_INVALID', { file: table(['a'.repeat(201)]) }, label)).message).toContain('201 characters');
    expect((await refusal('DATASET_INVALID', { file: table(['1e39']) }, label)).message).toContain('larger than a float32');
    const many = table(Array.from({ length: 65_537 }, (_, index) => `n${index}`));
    expect((await refusal('DATASET_INVALID', { file: many }, label)).message).toContain('different label number 65537');
  });
});

describe('categorical columns', () => {
  const file = 'colour,size,price,label\nred,10,1.5,0\nblue,2,2.5,1\n red ,10,3.5,0\ngreen,1,4.5,1\n';

  it('become a column of 0s and 1s for each value, in sorted order, where they are', async () => {
    const dataset = await build({ file }, { ...label, categorical_columns: ['colour', 'size'] });
    expect(dataset.facts.x).toMatchObject({
      shape: [7],
      min: 0,
      max: 4.5,
      columns: ['colour=blue', 'colour=green', 'colour=red', 'size=1', 'size=2', 'size=10', 'price'],
    });
    expect(storedX(dataset)).toEqual([
      ...[0, 0, 1, 0, 0, 1, 1.5],
      ...[1, 0, 0, 0, 1, 0, 2.5],
      ...[0, 0, 1, 0, 0, 1, 3.5],
      ...[0, 1, 0, 1, 0, 0, 4.5],
    ]);
  });

  it('are those that hold text, where that is left to the service', async () => {
    const { facts } = await build({ file }, { ...label, categorical_columns: 'auto' });
    expect(facts.x.columns).toEqual(['colour=blue', 'colour=green', 'colour=red', 'size', 'price']);
  });

  it('are 0 everywhere where the cell is missing and missing cells are accepted', async () => {
    const gap = 'colour,a,label\nred,1,0\n,2,1\nNA,3,0\n';
    expect(storedX(await build({ file: gap }, { ...label, categorical_columns: ['colour'], missing: 'zero' }))).toEqual([1, 1, 0, 2, 0, 3]);
    const { message } = await refusal('DATASET_INVALID', { file: gap }, { ...label, categorical_columns: ['colour'] });
    expect(message).toContain("Line 3, column 1 ('colour') of #part:file is empty");
  });

  it('that are not features, or have too many values, are refused by name', async () => {
    const asked = (categorical_columns: string[]) => refusal('DATASET_INVALID', { file }, { ...label, categorical_columns });
    expect((await asked(['color'])).message).toContain("names 'color', which is not a column. Features are colour, size, price");
    expect((await asked(['label'])).message).toContain("names 'label', which is not a feature");
    const many = `id,a\n${Array.from({ length: 1001 }, (_, index) => `i${index},1`).join('\n')}\n`;
    const { message, items } = await refusal('DATASET_INVALID', { file: many }, { categorical_columns: 'auto' });
    expect(message).toContain("The categorical column 'id' of #part:file has more than 1000 different values");
    expect(items[0]?.pointer).toBe('#part:categorical_columns');
  });
});

describe('missing cells', () => {
  const file = 'a,b\n1,10\n,20\n3,NaN\n8,40\n?,50\n';
  const given = { split: { shuffle: false, selection: 1, test: 1 } };

  it('become 0, or the mean of their column over the training split', async () => {
    expect(storedX(await build({ file }, { ...given, missing: 'zero' }))).toEqual([1, 10, 0, 20, 3, 0, 8, 40, 0, 50]);
    // The first three rows are for training: (1 + 3) / 2 and (10 + 20) / 2.
    const filled = await build({ file }, { ...given, missing: 'mean' });
    expect(storedX(filled)).toEqual([1, 10, 2, 20, 3, 15, 8, 40, 2, 50]);
    expect(filled.facts.x).toMatchObject({ min: 1, max: 50 });
  });

  it('are refused with their place, or where no training sample has a number', async () => {
    const { message } = await refusal('DATASET_INVALID', { file }, given);
    expect(message).toContain(
      "Line 3, column 1 ('a') of #part:file is empty; every feature needs a number, or say what missing cells become",
    );
    const none = await refusal('DATASET_INVALID', { file: 'a,b\n,1\n,2\n3,3\n4,4\n' }, { ...given, missing: 'mean' });
    expect(none.message).toContain("The column 'a' has no number in any sample of the training split");
    const text = await refusal('DATASET_INVALID', { file: 'a,b\nred,1\n' }, { missing: 'mean' });
    expect(text.message).toContain('is not a finite number');
  });
});

describe('columns of weights, splits and groups', () => {
  it('of weights are stored beside the samples', async () => {
    const file = 'a,weight\n1,0.5\n2,0\n3,2\n4,7\n5,9\n';
    const dataset = await build({ file }, { split: { shuffle: false, selection: 1, test: 1 }, weight_column: 'weight' });
    expect(stored(dataset.files.w!, 'float32')).toEqual([0.5, 0, 2, 7, 9]);
    expect(dataset.facts.weights).toEqual({ min: 0, max: 2, mean: 2.5 / 3 });
    expect(dataset.facts.x.shape).toEqual([1]);
    const { message } = await refusal('DATASET_INVALID', { file: 'a,weight\n1,-1\n' }, { weight_column: 'weight' });
    expect(message).toContain("Line 2, column 2 ('weight') of #part:file is not a weight");
  });

  it('of splits name the split of each sample', async () => {
    const file = 'a,part\n1,test\n2,train\n3,Validation\n4,train\n5,val\n6,train\n';
    const dataset = await build({ file }, { split_column: 'part' });
    expect(dataset.facts).toMatchObject({ splits: { train: 3, selection: 2, test: 1 }, test_given: true });
    const splits = splitsOf(dataset);
    expect({ ...splits, train: splits.train.sort() }).toEqual({ train: [1, 3, 5], selection: [2, 4], test: [0] });
    const { message } = await refusal('DATASET_INVALID', { file: 'a,part\n1,holdout\n' }, { split_column: 'part' });
    expect(message).toContain("Line 2, column 2 ('part') of #part:file names no split; accepted are train, training, selection");
  });

  it('of splits that name no selection leave it to be drawn from train', async () => {
    const file = `a,part\n${Array.from({ length: 30 }, (_, index) => `${index},${index < 10 ? 'test' : 'train'}`).join('\n')}\n`;
    const dataset = await build({ file }, { split_column: 'part', split: { selection: 0.25 } });
    expect(dataset.facts).toMatchObject({ splits: { train: 15, selection: 5, test: 10 }, test_given: true });
    const { train, selection, test } = splitsOf(dataset);
    expect(test).toEqual(Array.from({ length: 10 }, (_, index) => index));
    expect([...train, ...selection].sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, index) => index + 10));
  });

  it('of groups keep the rows of a group in one split', async () => {
    const file = `a,patient\n${Array.from({ length: 200 }, (_, index) => `${index},p${index % 40}`).join('\n')}\n`;
    const dataset = await build({ file }, { group_column: 'patient', split: { selection: 0.2, test: 30 } });
    // Groups of 5: both sizes can be met.
    expect(dataset.facts).toMatchObject({ splits: { train: 130, selection: 40, test: 30 }, test_given: false });
    const splits = Object.values(splitsOf(dataset)).map((samples) => new Set(samples.map((sample) => sample % 40)));
    expect(splits.reduce((sum, { size }) => sum + size, 0)).toBe(40);
  });

  it('are all of the test split where that is said, and nothing is computed over a training split that is not there', async () => {
    const file = 'a,b\n1,2\n3,\n5,6\n';
    const split = { selection: 0, test: 3 };
    const whole = await build({ file: 'a,b\n1,2\n3,4\n' }, { weight_column: 'b', split: { selection: 0, test: 2 } });
    expect(whole.facts).toMatchObject({
      splits: { train: 0, selection: 0, test: 2 },
      test_given: true,
      weights: { min: 2, max: 4, mean: 3 },
    });
    expect((await refusal('DATASET_INVALID', { file }, { split, missing: 'mean' })).message).toContain(
      'missing takes its means from the training',
    );
    const standardized = { split, missing: 'zero' as const, standardize: 'global' as const };
    expect((await refusal('DATASET_INVALID', { file }, standardized)).message).toContain('standardize takes its means from the training');
  });

  it('of groups leave a split out that nobody wants', async () => {
    const file = `a,patient\n${Array.from({ length: 200 }, (_, index) => `${index},p${index % 40}`).join('\n')}\n`;
    const dataset = await build({ file }, { group_column: 'patient', split: { selection: 0, test: 30 } });
    expect(dataset.facts.splits).toEqual({ train: 170, selection: 0, test: 30 });
  });

  it('of groups that cannot be divided are refused', async () => {
    const file = 'a,g\n1,x\n2,x\n3,y\n4,y\n';
    expect((await refusal('DATASET_INVALID', { file }, { group_column: 'g' })).message).toContain('would be empty');
    const stratified = { group_column: 'g', split: { stratify: true } };
    expect((await refusal('DATASET_INVALID', { file }, stratified)).message).toContain('leave one out');
  });

  it('cannot be two at once, or missing', async () => {
    const file = 'a,g\n1,x\n';
    expect((await refusal('DATASET_INVALID', { file }, { group_column: 'g', label_column: 'g' })).message).toContain(
      "has one column 'g', which both label_column and group_column name",
    );
    expect((await refusal('DATASET_INVALID', { file }, { weight_column: 'w' })).message).toContain(
      "has no column 'w', which weight_column names. There are a, g",
    );
  });
});

describe('refuses', () => {
  it.each([
    ['text among numbers', 'a,b\n1,2\n3,blue\n', "Line 3, column 2 ('b') of #part:file is not a finite number"],
    ['an empty cell', 'a,b\n1,2\n,4\n', "Line 3, column 1 ('a') of #part:file is empty"],
    ['a cell of spaces', 'a,b\n1,  \n', "Line 2, column 2 ('b') of #part:file is empty"],
    ['NaN', 'a,b\n1,NaN\n', 'is not a finite number'],
    ['infinity', 'a,b\n1,inf\n', 'is not a finite number'],
    ['hexadecimal', 'a,b\n1,0x10\n', 'is not a finite number'],
    ['a decimal comma', 'a;b\n1;2,5\n', 'has a decimal comma'],
    ['a number beyond float32', 'a,b\n1,-1e39\n', 'is larger than a float32 can be'],
    ['a number beyond float64', 'a,b\n1,1e999\n', 'is larger than a float32 can be'],
    ['a short row', 'a,b\n1,2\n3\n', 'Line 3 of #part:file has 1 cells; the header has 2'],
    ['a long row', 'a,b\n1,2\n3,4,5\n', 'Line 3 of #part:file has 3 cells; the header has 2'],
    ['no rows', 'a,b\n', 'no rows below its header'],
    ['numbers for a header', '1,2\n3,4\n', 'holds numbers only'],
    ['a pandas index', ',a\n0,1\n', 'index=False'],
    ['a name twice', 'a,b,a\n1,2,3\n', "names columns 1 and 3 both 'a'"],
    ['text in Latin-1', Buffer.from('größe,b\n1,2\n', 'latin1'), 'is not text in UTF-8'],
    ['a place after quoted line ends', 'a,b\n1,"2\n"\n3,x\n', "Line 4, column 2 ('b')"],
    ['a place after Windows line ends', 'a,b\r\n\r\n1,2\r\n3,x\r\n', "Line 4, column 2 ('b')"],
  ])('%s', async (_, file, message) => {
    const problem = await refusal('DATASET_INVALID', { file });
    expect(problem.message).toContain(message);
    expect(problem.items[0]?.pointer).toBe('#part:file');
  });

  it('quotes that do not match', async () => {
    expect((await refusal('DATASET_UNREADABLE', { file: 'a,b\n1,"2\n3,4\n' })).message).toMatch(/Quote Not Closed.*line/);
    expect((await refusal('DATASET_UNREADABLE', { file: 'a,b\n1,"2"3\n' })).message).toContain('line 2');
    expect((await refusal('DATASET_UNREADABLE', { file: 'a,b\n1,2"\n' })).message).toContain('line 2');
  });

  it('a label column that is not there, or is all there is', async () => {
    const problem = await refusal('DATASET_INVALID', { file: 'a,b\n1,2\n' }, { label_column: 'c' });
    expect(problem.message).toContain("no column 'c'");
    expect(problem.items).toEqual([{ pointer: '#part:label_column', detail: problem.message, received: '["a","b"]' }]);
    expect((await refusal('DATASET_INVALID', { file: 'label\n1\n' }, label)).message).toContain('has the label column only');
  });

  it('lines without end and files beyond the limits', async () => {
    const commas = `a,b\n${','.repeat(5 * 2 ** 20)}\n`;
    expect((await refusal('DATASET_INVALID', { file: commas })).message).toContain('a line longer than 4194304 bytes');
    expect((await refusal('DATASET_INVALID', { file: 'a'.repeat(2 ** 21) })).message).toContain('The first line');
    const quoted = `a,b\n1,"${'2\n'.repeat(3 * 2 ** 20)}"\n`;
    expect((await refusal('DATASET_UNREADABLE', { file: quoted })).message).toContain('Max Record Size');
    const rows = `a,b\n${'1,2\n'.repeat(100)}`;
    expect((await refusal('DATASET_INVALID', { file: rows }, {}, { samples: 99 })).message).toContain('limit of 99 samples');
    expect((await refusal('DATASET_INVALID', { file: rows }, {}, { totalBytes: 799 })).message).toContain('limit of 799 bytes');
    const bomb = gzipSync(`a,b\n${'\n'.repeat(70 * 2 ** 20)}`, { level: 1 });
    expect((await refusal('DATASET_INVALID', { file: bomb }, {}, { compressionRatio: 100 })).message).toContain('100 to one');
  });
});

describe('any table', () => {
  const number = fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e38, max: 1e38 }), fc.integer());
  const tables = fc
    .record({ columns: fc.integer({ min: 1, max: 6 }), rows: fc.integer({ min: 3, max: 20 }) })
    .chain(({ columns, rows }) =>
      fc.record({
        names: fc.uniqueArray(fc.string({ minLength: 1, maxLength: 8 }), {
          minLength: columns,
          maxLength: columns,
          selector: (name) => name.trim(),
        }),
        numbers: fc.array(fc.array(number, { minLength: columns, maxLength: columns }), { minLength: rows, maxLength: rows }),
        labels: fc.array(fc.constantFrom('café', 'a,b', 'say "x"', 'plain', ';;;;;;;;'), { minLength: rows, maxLength: rows }),
        delimiter: fc.constantFrom(',', ';', '\t'),
        end: fc.constantFrom('\n', '\r\n'),
      }),
    )
    .filter(({ names }) => names.every((name) => name.trim() !== '' && !name.includes('\ufffd')) && !names.includes('label'));
  const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
  type Table = typeof tables extends fc.Arbitrary<infer Value> ? Value : never;
  const written = ({ names, numbers, labels, delimiter, end }: Table) =>
    [
      [...names.map(quoted), 'label'].join(delimiter),
      ...numbers.map((row, index) => [...row.map(String), quoted(labels[index]!)].join(delimiter)),
    ].join(end);

  it('comes back as it was', async () => {
    await fc.assert(
      fc.asyncProperty(tables, async (table) => {
        const dataset = await build({ file: written(table) }, label);
        expect(dataset.facts.x.columns).toEqual(table.names.map((name) => name.trim()));
        // The sign of a zero does not matter: adding 0 takes it off.
        expect(storedX(dataset).map((value) => value + 0)).toEqual(table.numbers.flat().map((value) => Math.fround(value) + 0));
        const { class_names: names } = dataset.facts.y!;
        expect(storedY(dataset).map((index) => names![index])).toEqual(table.labels);
        expect(names).toEqual([...new Set(table.labels)].sort());
      }),
      { numRuns: 50 },
    );
  });

  it('ends in a Problem or a data set when it is damaged', async () => {
    const damage = fc.record({ at: fc.nat(), to: fc.integer({ min: 0, max: 255 }), cut: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(tables, fc.array(damage, { minLength: 1, maxLength: 5 }), async (table, changes) => {
        let bytes = Buffer.from(written(table));
        for (const { at, to, cut } of changes) {
          if (bytes.length === 0) break;
          if (cut) bytes = bytes.subarray(0, at % bytes.length);
          else bytes[at % bytes.length] = to;
        }
        await readDataset(parts({ file: bytes }), label, folder()).catch((error) => {
          if (!(error instanceof Problem)) throw error;
          expect(error.code).toMatch(/^DATASET_(UNREADABLE|INVALID)$/);
        });
      }),
      { numRuns: 100 },
    );
  });
});
