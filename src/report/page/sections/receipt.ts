/** The receipt: the original beside the result, and what may be claimed of them. */
import type { JobReport } from '../../job-report.ts';
import { bytes, count, isNumber, percent, points, range, significant } from '../../numbers.ts';
import type { Claim, Receipt } from '../../receipt.ts';
import { resultOf } from '../../result.ts';
import type { Quality } from '../../scores.ts';
import { type Content, type Html, html } from '../html.ts';
import { table } from '../table.ts';

export function receiptSection({ job }: JobReport): Html | null {
  const { receipt } = resultOf(job);
  if (!receipt) return null;
  return html`<section aria-labelledby="receipt"><h2 id="receipt">Receipt</h2>
${table({
  caption: 'What may be claimed',
  head: ['Claim', 'Verdict', 'Reason'],
  texts: [1, 2],
  rows: Object.entries(receipt.claims).map(([name, claim]) => [
    name.replaceAll('_', ' '),
    verdict(claim),
    `${claim.reason}: ${claim.detail}`,
  ]),
})}
${table({
  caption: 'The original beside the result',
  head: ['Measure', 'Original', 'Result', 'Result ÷ original'],
  rows: costs(receipt),
})}
${quality(receipt)}
${latency(receipt)}</section>`;
}

function verdict({ verdict: said }: Claim): Html {
  const kind = { proven: 'good', not_proven: 'open', refuted: 'bad' }[said];
  return html`<span class="${kind}">${said.replaceAll('_', ' ')}</span>`;
}

function costs({ original, result }: Receipt): Content[][] {
  const row = (
    name: string,
    read: (side: Receipt['original'] | Receipt['result']) => number | null | undefined,
    print = count,
  ): Content[] => {
    const [before, after] = [read(original), read(result)];
    return [name, print(before), print(after), isNumber(before) && isNumber(after) && before > 0 ? significant(after / before, 3) : '–'];
  };
  return [
    row('Parameters', ({ parameters }) => parameters),
    row('Kernel weights that are zero', ({ zeros }) => zeros),
    row('Multiply-accumulates', ({ macs }) => macs),
    row('File, written alike', ({ file_bytes }) => file_bytes, bytes),
    row('The same, gzipped', ({ gzip_bytes }) => gzip_bytes, bytes),
    row('Numbers alone', ({ raw_bytes }) => raw_bytes, bytes),
    ...(isNumber(result.esp_bytes) ? [row('As .esp', ({ esp_bytes }) => esp_bytes, bytes)] : []),
  ];
}

function quality({ original, result, comparison }: Receipt): Html {
  if (!original.test || !result.test) return html`<p class="note">The data set has no test split: neither model was judged.</p>`;
  const [before, after] = [original.test, result.test];
  const names = Object.keys(after).filter((name) => !['samples', 'error'].includes(name) && after[name as keyof Quality] !== null);
  const told = (side: Quality, name: string): Content[] => {
    const value = side[name as keyof Quality] as { value: number; low: number | null; high: number | null } | null | undefined;
    const print =
      name === 'accuracy'
        ? (number: number | null | undefined) => percent(number, 2)
        : (number: number | null | undefined) => significant(number);
    return [print(value?.value), range(value, print)];
  };
  return html`${table({
    caption: `On the ${count(after.samples)} samples of the test split, with 95 % intervals`,
    head: ['Measure', 'Original', '95 %', 'Result', '95 %'],
    rows: names.map((name) => [name.replaceAll('_', ' '), ...told(before, name), ...told(after, name)]),
  })}
${
  comparison
    ? table({
        caption: 'Both models on the same samples',
        head: ['Measure', 'Value', '95 %'],
        rows: [
          comparison.measure === 'accuracy'
            ? ['Difference of accuracy', points(comparison.difference.value), range(comparison.difference, points)]
            : ['Difference of loss', significant(comparison.difference.value), range(comparison.difference, significant)],
          ...(comparison.only_original_right === null
            ? []
            : [
                ['Only the original is right', count(comparison.only_original_right), ''],
                ['Only the result is right', count(comparison.only_result_right), ''],
                ['McNemar’s exact p', significant(comparison.mcnemar_p, 2), ''],
              ]),
        ],
      })
    : null
}`;
}

function latency({ latency: measured }: Receipt): Html | null {
  if (measured.length === 0) return null;
  const ms = (value: number | null | undefined) => `${significant(value, 3)} ms`;
  return table({
    caption: 'Time of a prediction, both models measured in turn in one process',
    head: ['Batch', 'Original, median', '95th percentile', 'Result, median', '95th percentile', 'Result ÷ original', '95 %'],
    rows: measured.map(({ batch_size, original, result, ratio }) => [
      count(batch_size),
      ms(original.median_ms),
      ms(original.p95_ms),
      ms(result.median_ms),
      ms(result.p95_ms),
      significant(ratio.value, 3),
      range(ratio, (value) => significant(value, 3)),
    ]),
  });
}
