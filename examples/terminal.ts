/** What the examples print: steps with their time, progress in place on a terminal, and the receipt as a table. */
import type { Job } from './client.ts';

/** Prints what is done, does it, prints how long it took. */
export async function timed<Result>(title: string, work: () => Promise<Result>): Promise<Result> {
  const began = performance.now();
  process.stdout.write(`  ${title.padEnd(58)} `);
  const result = await work();
  process.stdout.write(`${((performance.now() - began) / 1000).toFixed(1)} s\n`);
  return result;
}

/** A watcher of a job: one line that is written over on a terminal, else a line a phase and every tenth. */
export function progressOf(title: string): { watch(job: Job): void; done(): void } {
  const live = process.stdout.isTTY;
  const began = performance.now();
  let last = '';
  return {
    watch(job) {
      const { progress, metrics } = job;
      if (!progress) return;
      const percent = Math.floor(progress.fraction * 100);
      const mark = `${progress.phase} ${Math.floor(percent / 10)}`;
      if (!live && mark === last) return;
      last = mark;
      const shown = [
        ['loss', metrics.loss, 4],
        ['selection accuracy', metrics.val_accuracy, 4],
        ['gradient norm', metrics.gradient_norm, 3],
        ['zeros', metrics.sparsity, 3],
      ]
        .filter(([, value]) => typeof value === 'number')
        .map(([name, value, digits]) => `${name} ${(value as number).toFixed(digits as number)}`)
        .join(', ');
      const eta = progress.eta_s ? `, ${Math.round(progress.eta_s.low)}-${Math.round(progress.eta_s.high)} s left` : '';
      const line = `  ${title}: ${progress.phase} ${String(percent).padStart(3)} %  ${shown}${eta}`;
      process.stdout.write(live ? `\r\x1b[K${line.slice(0, (process.stdout.columns ?? 120) - 1)}` : `${line}\n`);
    },
    done() {
      process.stdout.write(
        `${live ? '\r\x1b[K' : ''}  ${`${title}: done`.padEnd(58)} ${((performance.now() - began) / 1000).toFixed(1)} s\n`,
      );
    },
  };
}

interface Side {
  parameters: number;
  zeros: number;
  macs: number;
  file_bytes: number;
  test: { accuracy: { value: number } | null; error: number | null; loss: { value: number } } | null;
}

/** The receipt of a job's result as a table. */
export function receiptTable(result: Record<string, unknown>): string {
  const receipt = result.receipt as {
    original: Side;
    result: Side;
    latency: {
      batch_size: number;
      original: { median_ms: number };
      result: { median_ms: number };
      ratio: { value: number; low: number; high: number };
    }[];
    claims: Record<string, { verdict: string; reason: string }>;
  };
  const { original, result: made } = receipt;
  const whole = (value: number): string => value.toLocaleString('en');
  const percent = (value: number | null | undefined): string =>
    typeof value === 'number' ? `${(value * 100).toFixed(2)} %` : 'not measured';
  const loss = (side: Side): string => side.test?.loss.value.toPrecision(4) ?? 'not measured';
  const rows: [string, string, string, string][] = [
    ['', 'original', 'result', ''],
    ['parameters', whole(original.parameters), whole(made.parameters), kept(made.parameters, original.parameters)],
    ['zeros', whole(original.zeros), whole(made.zeros), ''],
    ['multiply-accumulates', whole(original.macs), whole(made.macs), kept(made.macs, original.macs)],
    ['.keras file, bytes', whole(original.file_bytes), whole(made.file_bytes), kept(made.file_bytes, original.file_bytes)],
    typeof original.test?.error === 'number'
      ? ['test error', percent(original.test.error), percent(made.test?.error), '']
      : ['test loss', loss(original), loss(made), ''],
    ...receipt.latency.map(({ batch_size: batch, original: a, result: b, ratio }): [string, string, string, string] => [
      `latency, batch ${batch}, median`,
      `${a.median_ms.toFixed(3)} ms`,
      `${b.median_ms.toFixed(3)} ms`,
      `${(ratio.value * 100).toFixed(0)} % (${(ratio.low * 100).toFixed(0)}-${(ratio.high * 100).toFixed(0)})`,
    ]),
  ];
  const table = rows.map(([name, a, b, note]) => `    ${name.padEnd(26)}${a.padStart(14)}${b.padStart(14)}   ${note}`);
  const claims = Object.entries(receipt.claims).map(([claim, { verdict, reason }]) => `    ${claim.padEnd(26)}${verdict} (${reason})`);
  return [...table, '', ...claims].map((line) => line.trimEnd()).join('\n');
}

function kept(after: number, before: number): string {
  return after === before ? 'the same' : `${((after / before) * 100).toFixed(1)} % kept`;
}
