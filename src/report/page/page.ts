/** A job's report as one page of HTML that asks for nothing from anywhere: no script, no picture, no font. */
import type { JobReport } from '../job-report.ts';
import { instant } from '../numbers.ts';
import { tellStory } from '../story.ts';
import { Html, html, shortened } from './html.ts';
import { PAGE_POLICY } from './policy.ts';
import { checksSection } from './sections/checks.ts';
import { comparisonSection } from './sections/comparison.ts';
import { layersSection } from './sections/layers.ts';
import { receiptSection } from './sections/receipt.ts';
import { recordSection, stagesSection, verificationSection, warningsSection } from './sections/record.ts';
import { sensitivitySection } from './sections/sensitivity.ts';
import { targetSection } from './sections/target.ts';
import { trainingSection } from './sections/training.ts';
import { unitsSection } from './sections/units.ts';
import { STYLE } from './style.ts';

const TITLES: Record<string, string> = {
  train: 'Training',
  prune: 'Pruning',
  evaluate: 'Evaluation',
  sensitivity: 'Sensitivity',
  compare: 'Comparison',
};

/** The page. Text of callers is escaped; lists and long texts are cut, so that it has less than 2 MiB. */
export function reportPage(report: JobReport): string {
  const { job, model } = report;
  const { happened, not_proven: open } = tellStory(report);
  const title = `${TITLES[job.type] ?? job.type} of ${shortened(model.name, 120)}`;
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${new Html(PAGE_POLICY)}">
<title>${title} – Espalier</title>
<style>${new Html(STYLE)}</style>
</head>
<body>
<main>
<h1>${title}</h1>
<p class="status">${job.status} · ${instant(job.finished_at ?? job.created_at)} · <code>${job.id}</code></p>
<p class="story">${shortened(happened.join(' '), 6000)}</p>
${
  open.length === 0
    ? null
    : html`<aside class="unproven" aria-labelledby="unproven"><h2 id="unproven">Not proven</h2><ul>
${open.slice(0, 30).map((statement) => html`<li>${shortened(statement, 1500)}</li>\n`)}</ul></aside>`
}
${[
  comparisonSection,
  targetSection,
  receiptSection,
  checksSection,
  sensitivitySection,
  trainingSection,
  layersSection,
  unitsSection,
  stagesSection,
  verificationSection,
  warningsSection,
  recordSection,
].map((section) => section(report))}
</main>
<footer>Made by Espalier from the job’s record. The same as JSON: GET /v1/jobs/${job.id}/report with Accept: application/json.</footer>
</body>
</html>
`;
  return page.text;
}
