/** A job in words, for those who were not there: what happened, and what is not proven. */
import type { Clipping, JobSpec, Pruning, Training } from '../jobs/spec/index.ts';
import { type RobustnessChecks, worstAttack } from './checks/robustness.ts';
import type { Comparison } from './comparison.ts';
import type { JobReport, ReportedJob } from './job-report.ts';
import { bytes, count, duration, isNumber, percent, points, range, significant } from './numbers.ts';
import type { Claim } from './receipt.ts';
import { type ReportedResult, resultOf } from './result.ts';

export interface Story {
  /** Sentences that together are a paragraph. */
  happened: string[];
  /** Each a statement of its own. */
  not_proven: string[];
}

export function tellStory({ job, model, dataset }: JobReport): Story {
  const result = resultOf(job);
  return {
    happened: [
      asked(job.spec, model.name, dataset.name),
      ended(job),
      ...became(result),
      ...refuted(job.spec, result),
      ...reached(result),
      ...checked(result),
      ...bears(result),
      ...compared(result),
      ...clippedHow(job.spec, result),
      ...proofs(result),
    ],
    not_proven: unproven(job, result),
  };
}

const STRUCTURES: Record<string, string> = {
  unstructured: 'single weights were to become zero',
  n_m: 'of every few neighbouring weights some were to become zero',
  block: 'blocks of weights were to become zero',
  channels: 'whole channels were to be removed',
  depth: 'residual blocks were to be removed whole',
  low_rank: 'kernels were to be made of two thinner ones',
};

function asked(spec: JobSpec, model: string, dataset: string): string {
  const on = `the model “${model}” on the data set “${dataset}”`;
  if (spec.type === 'train') return `This job was asked to train ${on} for ${epochs(spec.training)}.`;
  if (spec.type === 'evaluate') {
    return `This job was asked to hold the model ${spec.candidate_model_id}, which is called the result here, against ${on.replace('the model', 'the original')}.`;
  }
  if (spec.type === 'sensitivity') {
    return `This job was asked what each part of ${on} bears: cut alone, the least important by the criterion “${spec.criterion.type}” first, and measured without training.`;
  }
  if (spec.type === 'compare') {
    const names = spec.candidates.map(({ name }) => `“${name}”`);
    return `This job was asked which of ${count(names.length)} ways with ${on} is better, under ${spec.seeds.length === 1 ? 'one seed' : `${count(spec.seeds.length)} seeds`} each: ${names.join(', ')}.`;
  }
  const after =
    spec.fine_tuning && spec.fine_tuning.epochs > 0 ? `, with ${epochs(spec.fine_tuning)} of fine-tuning` : ', without fine-tuning';
  const recipe = spec.recipe ? ` by the recipe “${spec.recipe}”` : '';
  return `This job was asked to prune ${on}${recipe}: ${how(spec.pruning)}, ${towards(spec.target ?? spec.pruning.target)}${after}.`;
}

function how(pruning: Pruning): string {
  const what = STRUCTURES[pruning.structure.type] ?? pruning.structure.type;
  return `${what}, the least important by the criterion “${pruning.criterion.type}” first`;
}

function towards(target: object): string {
  const asked = Object.entries(target).flatMap(([name, value]) => {
    if (!isNumber(value)) return [];
    if (name === 'sparsity') return [`until ${percent(value)} of the weights are zero`];
    if (name === 'max_bytes') return [`down to a file of ${bytes(value)}`];
    if (name === 'max_accuracy_drop') return [`as far as no more than ${points(value).replace('+', '')} of accuracy are lost`];
    return name in MEASURES ? [`down to ${percent(value)} of ${MEASURES[name]}`] : [];
  });
  return asked.join(' and ') || 'towards the target below';
}

const MEASURES: Record<string, string> = {
  parameters: 'the parameters',
  macs: 'the multiply-accumulates',
  bytes: 'the file’s bytes',
  latency: 'the time of a prediction',
};

function epochs({ epochs: number }: Training): string {
  return number === 1 ? '1 epoch' : `${count(number)} epochs`;
}

function ended(job: ReportedJob): string {
  const { status, progress, error } = job;
  const done = progress ? `, in the phase “${progress.phase}” at step ${count(progress.step)} of ${count(progress.total_steps)}` : '';
  switch (status) {
    case 'succeeded':
      return `It succeeded after ${took(job)}.`;
    case 'failed':
      return `It failed after ${took(job)}: ${error ? `${error.title} (${error.code}). ${sentence(error.detail)}` : 'the reason is not known.'}`;
    case 'cancelled':
      return `It was cancelled${done}; what is shown is what it had reached by then.`;
    case 'queued':
      return 'It is waiting in the queue and nothing of it has been computed yet, or it waits to go on.';
    case 'paused':
      return `It is paused${done}; what is shown is what it had reached by then.`;
    default:
      return `It has not ended (${status})${done}; what is shown is what is known so far.`;
  }
}

function took({ started_at, created_at, finished_at }: ReportedJob): string {
  return finished_at === null ? 'an unknown time' : duration((Date.parse(finished_at) - Date.parse(started_at ?? created_at)) / 1000);
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

function became({ receipt }: ReportedResult): string[] {
  if (!receipt) return [];
  const { original, result, comparison } = receipt;
  const sizes =
    original.parameters === result.parameters
      ? `The result has the ${count(result.parameters)} parameters of the original, ${percent(result.sparsity)} of its kernel weights zero`
      : `Of ${count(original.parameters)} parameters ${count(result.parameters)} are left (${percent(result.parameters / original.parameters)}), of ${count(original.macs)} multiply-accumulates ${count(result.macs)} (${percent(result.macs / original.macs)})`;
  const told = [`${sizes}; its file has ${bytes(result.file_bytes)} where the original’s has ${bytes(original.file_bytes)}.`];
  const [before, after] = [original.test, result.test];
  if (before?.accuracy && after?.accuracy) {
    const moved =
      comparison?.measure === 'accuracy'
        ? `, a difference of ${points(comparison.difference.value)} (${range(comparison.difference, points)})`
        : '';
    const [now, once] = [percent(after.accuracy.value, 2), percent(before.accuracy.value, 2)];
    told.push(
      comparison?.measure === 'accuracy' && comparison.only_original_right === null
        ? `On the ${count(after.samples)} samples of the test split, of several decisions each, ${now} of its decisions are right and ${once} of the original’s${moved}.`
        : `On the ${count(after.samples)} samples of the test split it is right on ${now} and the original on ${once}${moved}.`,
    );
  } else if (before && after) {
    told.push(
      `On the ${count(after.samples)} samples of the test split its loss is ${significant(after.loss.value)} and the original’s ${significant(before.loss.value)}.`,
    );
  }
  return told;
}

function reached({ target, plan_only: plan }: ReportedResult): string[] {
  if (plan) return ['Only a plan was made: no weight was changed.'];
  if (!target || target.met === undefined) return [];
  return [target.met ? 'The target was met.' : 'The target was not met: the result comes as near as was found.'];
}

const VERDICTS: Record<string, string> = {
  never_fired: 'clipping never changed a gradient, so the run would have been the same without it',
  safety_net: 'clipping was a safety net that seldom acted',
  active: 'clipping was active',
  always_binding: 'clipping bound nearly always: it acted as a smaller learning rate rather than as a guard against outliers',
  by_design: 'its rule is made to bind on most steps',
};

function clippedHow(spec: JobSpec, { training }: ReportedResult): string[] {
  const clipping = trainingOf(spec)?.clipping as Clipping | undefined;
  if (!clipping || clipping.type === 'none' || !training || !isNumber(training.clipped_fraction) || training.steps === 0) return [];
  const verdict = VERDICTS[training.verdict ?? ''] ?? '';
  return [
    `Gradients were clipped (“${clipping.type}”) on ${percent(training.clipped_fraction)} of ${count(training.steps)} steps${verdict && `: ${verdict}`}.`,
  ];
}

/** How a job trains; undefined where it does not. */
export function trainingOf(spec: JobSpec): Training | undefined {
  if (spec.type === 'train') return spec.training;
  return spec.type === 'prune' ? (spec.fine_tuning ?? undefined) : undefined;
}

function proofs({ cuts = [] }: ReportedResult): string[] {
  const proven = cuts.flatMap(({ proof }) => (proof ? [proof] : []));
  if (proven.length === 0 || proven.some(({ vacuous, holds }) => vacuous || !holds)) return [];
  const exact = proven.every(({ function_changed: changed }) => !changed);
  return exact
    ? [
        `Every cut was proven right: on ${count(proven[0]!.inputs)} real inputs the smaller network computes what the larger one computes with the removed parts silenced.`,
      ]
    : [];
}

function checked({ checks }: ReportedResult): string[] {
  if (!checks) return [];
  const { flips, recall, verdict, thresholds, robustness, saliency } = checks;
  const worse = recall?.classes.filter(({ worse: is }) => is).map(({ class: number }) => number) ?? [];
  const failed = thresholds.filter(({ holds }) => !holds).map(({ name }) => name);
  return [
    ...(flips
      ? [
          flips.flips === 0
            ? 'It decides every test sample as the original does.'
            : `${
                flips.mcnemar_p === null
                  ? `Of ${count(flips.decisions)} decisions on test samples it makes ${count(flips.flips)}`
                  : `It decides ${count(flips.flips)} test samples`
              } in another way (${percent(flips.flip_rate.value, 2)}), ${count(flips.negative_flips)} of which the original had right.`,
        ]
      : []),
    ...(worse.length > 0 ? [`It is worse beyond chance in class ${worse.join(', ')}.`] : []),
    ...(robustness ? underAttack(robustness) : []),
    ...(saliency?.agrees === false ? ['It does not look where the original does: its saliency maps are nearer to noise.'] : []),
    ...(verdict === null
      ? []
      : [`Against the thresholds of the job it has ${verdict}${failed.length > 0 ? ` (${failed.join(', ')})` : ''}.`]),
  ];
}

/** Which group or kernel bears least, and which most. */
function bears({ sensitivity }: ReportedResult): string[] {
  if (!sensitivity || sensitivity.accuracy === null) return [];
  return sensitivity.structures.flatMap(({ structure, groups }) => {
    const drop = groups[0]?.falls[0]?.accuracy_drop;
    if (drop === undefined) return [];
    const limits = groups.map(({ layers, falls }) => ({ layers, at: falls[0]!.removed }));
    const falling = limits.filter(({ at }) => at !== null).sort((a, b) => a.at! - b.at!);
    const [first] = falling;
    const what = structure === 'channels' ? 'channels' : 'single weights';
    const least = first
      ? `of ${first.layers.join(' + ')} ${percent(first.at)} go before ${points(drop).replace('+', '')} of accuracy are lost, the least of all`
      : 'no cut that was tried loses';
    return [
      `As to ${what}, ${first ? least : `${least} ${points(drop).replace('+', '')} of accuracy`}${
        first && limits.length > falling.length
          ? `; ${count(limits.length - falling.length)} of ${count(limits.length)} lose so much at no ratio that was tried`
          : ''
      }.`,
    ];
  });
}

function underAttack(robustness: RobustnessChecks): string[] {
  const worst = worstAttack(robustness);
  if (!worst) return [];
  const { attack, epsilon, original, result, difference } = worst;
  return [
    `Under attack it loses most with ${attack.toUpperCase()} at epsilon ${significant(epsilon, 3)}: it is right on ${percent(result.value, 1)} of the inputs where the original is on ${percent(original.value, 1)} (95 % of the difference ${range(difference, points)}).`,
  ];
}

/** Who is first, who cannot be told from it, and what became of the controls. */
function compared({ comparison, clipping }: ReportedResult): string[] {
  if (!comparison) return [];
  const { candidates, controls, measure } = comparison;
  const first = candidates.filter(({ rank }) => rank === 1);
  const [best] = first;
  if (!best) return [];
  const value = best.selection[measure]?.value;
  const said = measure === 'accuracy' ? `an accuracy of ${percent(value, 2)}` : `a loss of ${significant(value)}`;
  const ties = first.slice(1).map(({ name }) => `“${name}”`);
  return [
    `“${best.name}” did best on the selection split, with ${said} on average${ties.length > 0 ? `; ${ties.join(', ')} cannot be told from it` : ', and is better than each of the others beyond chance'}.`,
    ...controls.map(
      ({ name, beaten_by: beaten, not_told_from: tied }) =>
        `Beside the control “${name}”, ${beaten.length > 0 ? `${beaten.map((one) => `“${one}”`).join(', ')} ${beaten.length === 1 ? 'is' : 'are'} better` : 'nothing is shown to be better'}${tied.length > 0 && beaten.length > 0 ? `, and of ${tied.length === 1 ? 'one other' : `${count(tied.length)} others`} nothing is shown` : ''}.`,
    ),
    ...overflowed(candidates),
    ...(clipping?.helps ? [HELPS[clipping.helps]] : []),
  ];
}

/** Whose numbers grew beyond all bounds, which leaves no model to compare. */
function overflowed(candidates: Comparison['candidates']): string[] {
  const told = candidates.flatMap(({ name, finite }) =>
    finite && finite.successes < finite.runs
      ? [`“${name}” under ${count(finite.runs - finite.successes)} of ${count(finite.runs)} seeds`]
      : [],
  );
  return told.length === 0 ? [] : [`Gradients became infinite or no numbers, which leaves no model: ${told.join(', ')}.`];
}

const HELPS = {
  yes: 'Clipping helps this model: a clipped candidate is better than the unclipped one.',
  no: 'Clipping does not help this model: the unclipped candidate is better than every clipped one.',
  not_shown: 'That clipping helps this model, or harms it, is not shown.',
} as const;

function refuted(spec: JobSpec, { receipt }: ReportedResult): string[] {
  const allowed = 'evaluation' in spec ? spec.evaluation?.max_accuracy_drop : undefined;
  return (Object.entries(receipt?.claims ?? {}) as [string, Claim][])
    .filter(([, { verdict }]) => verdict === 'refuted')
    .sort(([one], [other]) => Number(other === 'as_accurate') - Number(one === 'as_accurate'))
    .map(([name, { reason, detail }]) =>
      // By how much it moved was told above.
      name === 'as_accurate' && receipt?.comparison?.measure === 'accuracy' && isNumber(allowed)
        ? `That is beyond chance, and more than the ${points(allowed).replace('+', '')} that may be lost: it is not as accurate as the original.`
        : `The result is not ${CLAIMS[name] ?? name} (${reason}): ${sentence(detail)}`,
    );
}

const CLAIMS: Record<string, string> = { smaller: 'smaller', faster: 'faster', as_accurate: 'as accurate as the original' };

function unproven(job: ReportedJob, result: ReportedResult): string[] {
  const { receipt, checks, cuts = [], verification = [] } = result;
  const said: string[] = [];
  for (const [name, claim] of Object.entries(receipt?.claims ?? {}) as [string, Claim][]) {
    if (claim.verdict === 'not_proven') said.push(`That the result is ${CLAIMS[name] ?? name} (${claim.reason}). ${claim.detail}`);
  }
  if (checks?.robustness)
    said.push('That either model withstands other attacks or corruptions than those that were tried, or larger ones.');
  const comparison = receipt?.comparison;
  if (comparison && isNumber(comparison.mcnemar_p)) {
    const { only_original_right: lost, only_result_right: won, mcnemar_p: p } = comparison;
    // What is refuted stands above.
    if (p < 0.05 && (lost ?? 0) > (won ?? 0) && receipt.claims.as_accurate.verdict !== 'refuted') {
      said.push(
        `That the loss of accuracy is chance: ${count(lost)} test samples were right before and are wrong now, ${count(won)} the other way round (McNemar’s p = ${significant(p, 2)}). “As accurate” above means within what the job allows.`,
      );
    } else if (p >= 0.05) {
      said.push(`That the two models decide equally well: a p of ${significant(p, 2)} only says that this test split shows no difference.`);
    }
  }
  if (cuts.some(({ proof }) => proof?.vacuous))
    said.push('That a cut left the computation as it was: the outputs were constant over the inputs of the proof.');
  if (cuts.some(({ proof }) => proof?.function_changed))
    said.push('That the smaller network computes what the larger one does with parts silenced: a normalisation has other statistics now.');
  for (const { format, runtime, not_verified: open } of verification) {
    if (open) said.push(`That ${runtime} loads the ${format} file and predicts the same (${open.code}). ${open.detail}`);
  }
  if (result.comparison) {
    said.push(...undecided(result.comparison));
  } else if (result.sensitivity) {
    said.push('What is lost when several are cut at once: each was cut alone, and losses need not add up.');
    said.push('What training would win back: none followed a cut.');
    if (result.sensitivity.split === 'train')
      said.push('What is lost on samples that the model was not trained on: the data set has no selection split.');
  } else if (receipt) said.push('Anything about other data than the test split’s, or about other seeds: this is one run.');
  else if (job.status === 'succeeded' && !result.plan_only) said.push('Nothing was measured on a test split.');
  return said;
}

/** What a comparison leaves open. */
function undecided({ candidates, pairs, seeds }: Comparison): string[] {
  const ties = pairs.filter(({ better }) => better === null).length;
  const failed = candidates.flatMap(({ name, runs }) =>
    runs
      .filter(({ finite, status }) => finite === null && status !== 'succeeded')
      .map(({ seed, error, status }) => `${name} under seed ${seed} (${error?.code ?? status})`),
  );
  return [
    ...(ties > 0
      ? [
          `In ${count(ties)} of ${count(pairs.length)} pairs, which of the two is better: under ${seeds.length === 1 ? 'one seed' : `${count(seeds.length)} seeds`} their difference may be chance.`,
        ]
      : []),
    ...(pairs.length > 1
      ? ['That every difference called one is one: each interval is of its own pair at 95 %, and there are several pairs.']
      : []),
    ...(failed.length > 0 ? [`What these would have come to, which ended for reasons of their own: ${failed.join(', ')}.`] : []),
    'Anything about other data, other models, or other budgets than this one.',
  ];
}
