/** What the benchmarks of comparisons ask of the service, and how they print what it says. */
import { type ChildProcess, spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Job } from '../../examples/client.ts';
import type { Comparison } from '../../src/report/comparison.ts';
import type { Measurement } from '../../src/report/intervals.ts';
import type { BenchService } from '../service.ts';

export interface Compared {
  comparison: Comparison;
  clipping?: { helps: string | null; best: string | null; tied: string[] };
  seconds: number;
}

/** Posts a comparison and waits for its end; leaves its report as HTML at `report` where that is named. */
export async function compare({ client, address }: BenchService, spec: Record<string, unknown>, report?: string): Promise<Compared> {
  const began = performance.now();
  let shown = -1;
  const job: Job = await client.run(spec, ({ progress }) => {
    if (!progress || progress.step === shown) return;
    shown = progress.step;
    console.error(`${progress.step} of ${progress.total_steps} jobs have ended`);
  });
  const seconds = (performance.now() - began) / 1000;
  if (report) await writeFile(report, await (await fetch(`${address}/v1/jobs/${job.id}/report`)).text());
  return { ...(job.result as unknown as Omit<Compared, 'seconds'>), seconds };
}

/** One more worker beside that of `espalier up`, on the same data. */
export function startWorker({ data, folder }: BenchService, settings: Record<string, string>): ChildProcess {
  return spawn('bin/espalier', ['work'], {
    env: { PATH: process.env.PATH, HOME: folder, ESPALIER_DATA: data, ...settings },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

/** Resolves once so many workers are on the list. */
export async function workers({ client }: BenchService, wanted: number): Promise<void> {
  while ((await client.get<{ workers: unknown[] | null }>('/v1/capabilities')).workers?.length !== wanted) {
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

type Print = (value: number | null | undefined) => string;
const percent: Print = (value) => (typeof value === 'number' ? (100 * value).toFixed(2) : '–');
const loss: Print = (value) => (typeof value === 'number' ? value.toFixed(4) : '–');

/** The candidates as a table: means over seeds with 95 % intervals. */
export function printComparison({ comparison: { candidates, measure, pairs, controls } }: Compared): void {
  const print = measure === 'accuracy' ? percent : loss;
  const shown = (value: Measurement | null): string => `${print(value?.value)} (${print(value?.low)} to ${print(value?.high)})`;
  const mean = (value: Measurement | null, digits: number): string => value?.value.toFixed(digits) ?? '–';
  console.log(`| rank | candidate | ${measure}, selection | test | MACs | file bytes | time ratio | finite | learned |`);
  console.log('| --- | --- | --- | --- | --- | --- | --- | --- | --- |');
  for (const { rank, name, control, selection, test, costs, finite, learned } of candidates) {
    const rate = (of: typeof finite): string => (of ? `${of.successes}/${of.runs} (${percent(of.low)} to ${percent(of.high)} %)` : '–');
    const columns = [
      rank ?? '–',
      control ? `${name} (control)` : name,
      shown(selection[measure]),
      shown(test[measure]),
      mean(costs.macs, 0),
      mean(costs.file_bytes, 0),
      mean(costs.latency_ratio, 2),
      rate(finite),
      rate(learned),
    ];
    console.log(`| ${columns.join(' | ')} |`);
  }
  const told = pairs.filter(({ better }) => better !== null);
  console.log(`\n${told.length} of ${pairs.length} pairs can be told apart at 95 %:`);
  for (const { a, b, better, difference, reason } of told) {
    console.log(
      `- ${better} of ${a}, ${b}: ${print(difference?.value)} (${print(difference?.low)} to ${print(difference?.high)}), ${reason}`,
    );
  }
  for (const { name, beaten_by: beaten, not_told_from: tied } of controls) {
    console.log(`Against ${name}: better ${beaten.join(', ') || 'nothing'}; not told from it ${tied.join(', ') || 'nothing'}`);
  }
}

/** The path of a report in `out/`. */
export function reportPath(name: string): string {
  return join(import.meta.dirname, '../../out', `${name}.html`);
}
