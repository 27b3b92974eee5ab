/** The thread in which reports become pages: each message of `renderer.ts` is a report, each answer its page or what went wrong. */
import { parentPort } from 'node:worker_threads';
import type { JobReport } from '../../report/job-report.ts';
import { reportPage } from '../../report/page/page.ts';

export interface Ask {
  number: number;
  report: JobReport;
}

export type Rendered = { number: number; page: string } | { number: number; fault: string };

parentPort?.on('message', ({ number, report }: Ask) => {
  let answer: Rendered;
  try {
    answer = { number, page: reportPage(report) };
  } catch (error) {
    answer = { number, fault: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
  parentPort?.postMessage(answer);
});
