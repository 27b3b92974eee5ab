import { METRICS, type Metric } from '../../src/metrics/catalogue.ts';

const [BEGIN, END] = ['<!-- metrics: generated from src/metrics/catalogue.ts -->', '<!-- end of metrics -->'];

/** The page with the table of the catalogue in it. */
export function withMetrics(page: string): string {
  const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`The page is to have ${BEGIN} and ${END}`);
  return `${page.slice(0, begin)}${BEGIN}\n\n${table()}\n\n${page.slice(end)}`;
}

function table(): string {
  const rows = Object.entries<Metric>(METRICS).map(([name, { kind, of, help, labels = {} }]) => {
    const described = Object.entries(labels).map(([label, values]) => `\`${label}\`: ${values}`);
    return `| \`${name}\` | ${kind} | ${of.join(', ')} | ${help} | ${described.join('; ')} |`;
  });
  return ['| name | kind | of | what it is | labels |', '| --- | --- | --- | --- | --- |', ...rows].join('\n');
}
