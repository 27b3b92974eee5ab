/** What was asked for and what it came to, with the trials of a search. */
import type { JobReport } from '../../job-report.ts';
import { bytes, count, isNumber, percent, points, significant } from '../../numbers.ts';
import { type ReportedTarget, resultOf, type TargetPoint } from '../../result.ts';
import { scatterChart } from '../charts.ts';
import { type Html, html } from '../html.ts';
import { table } from '../table.ts';

export function targetSection({ job }: JobReport): Html | null {
  const { target, cuts = [] } = resultOf(job);
  if (!target) return null;
  const { points: trials = [] } = target;
  const proofs = cuts.filter(({ proof }) => proof);
  return html`<section aria-labelledby="target"><h2 id="target">Target</h2>
${table({
  caption: 'What was asked for and what was reached',
  head: ['Measure', 'Requested', 'Achieved', 'Met'],
  rows: measures(target).map((name) => [
    name === 'macs' ? 'multiply-accumulates' : name.replaceAll('_', ' '),
    measured(name, target.requested?.[name]),
    measured(name, target.achieved?.[name]),
    verdict(target.met),
  ]),
})}
${
  proofs.length === 0
    ? null
    : table({
        caption: 'Proof of every cut: the smaller network beside the larger one with the removed parts silenced, on real inputs',
        head: ['Step', 'Inputs', 'Largest relative difference', 'Tolerance', 'Proof'],
        rows: proofs.map(({ step, proof }) => [
          count(step),
          count(proof!.inputs),
          significant(proof!.relative_difference, 2),
          significant(proof!.tolerance, 2),
          proof!.vacuous
            ? html`<span class="open">vacuous</span>`
            : proof!.holds
              ? html`<span class="good">holds</span>`
              : html`<span class="bad">fails</span>`,
        ]),
      })
}
${trials.length === 0 ? null : trialsOf(trials)}</section>`;
}

function measures({ requested = {}, achieved = {} }: ReportedTarget): string[] {
  const named = Object.entries(requested).filter(([name, value]) => isNumber(value) && !['trials', 'trial_epochs'].includes(name));
  return [...new Set([...named.map(([name]) => name), ...Object.keys(achieved)])];
}

function measured(name: string, value: unknown): string {
  if (!isNumber(value)) return '–';
  if (name === 'max_accuracy_drop' || name === 'accuracy_drop' || name === 'bound') return points(value).replace('+', '');
  return name === 'max_bytes' || (name === 'bytes' && value > 10) ? bytes(value) : percent(value, 2);
}

function verdict(met: boolean | undefined): Html | string {
  if (met === undefined) return '–';
  return met ? html`<span class="good">met</span>` : html`<span class="bad">not met</span>`;
}

function trialsOf(trials: readonly TargetPoint[]): Html {
  const error = (trial: TargetPoint) => trial.error ?? (isNumber(trial.accuracy) ? 1 - trial.accuracy : null);
  const bySize = trials.every(({ bytes }) => isNumber(bytes));
  const size = (trial: TargetPoint) => (bySize ? trial.bytes! : trial.kept);
  const drawn = trials.flatMap((trial): { at: [number, number]; chosen: boolean }[] => {
    const [x, y] = [size(trial), error(trial)];
    return isNumber(x) && isNumber(y) ? [{ at: [x, y * 100], chosen: trial.chosen ?? false }] : [];
  });
  const places = (chosen: boolean) => drawn.filter((trial) => trial.chosen === chosen).map(({ at }) => at);
  return html`${
    drawn.length < 2
      ? null
      : scatterChart({
          id: 'trials',
          title: 'Trials of the search',
          description: `Error on the selection split against ${bySize ? 'bytes of the file' : 'what is kept'}, a point a trial; the chosen one stands out. The table below has the values.`,
          x: bySize ? 'Bytes' : 'Kept (fraction)',
          y: 'Error (%)',
          groups: [
            { name: 'Trials', points: places(false) },
            { name: 'Chosen', points: places(true) },
          ],
        })
  }
${table({
  caption: 'Trials, on the selection split',
  head: ['Trial', 'Kept', 'File', 'Error', 'Loss of accuracy', 'Its 95 % bound', 'Holds', 'Model'],
  texts: [6, 7],
  rows: trials.map((trial, index) => [
    trial.chosen ? html`<strong>${index + 1}, chosen</strong>` : `${index + 1}`,
    percent(trial.kept),
    bytes(trial.bytes),
    percent(error(trial), 2),
    points(trial.drop),
    points(trial.bound),
    trial.holds === undefined ? '–' : trial.holds ? 'yes' : 'no',
    trial.model_id ?? '–',
  ]),
})}`;
}
