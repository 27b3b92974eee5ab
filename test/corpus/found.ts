/** The findings of a run of the corpus, as `found.jsonl` keeps them: one network a line. */
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Finding, Result } from './corpus.ts';

export const FORMATS = ['keras', 'h5', 'tfjs'] as const;
export type Format = (typeof FORMATS)[number];

export interface Found extends Record<Format, string | null> {
  name: string;
  group: string;
  /** Of its layers and operations. */
  classes: string[];
  /** As the formats': `right` (with what it is written as, where that is another format), `wrong`, or the code of a refusal; null where there is none. */
  step: string | null;
  /** The classes whose weights the step moves. */
  trained?: string[];
  /** The largest of its outputs' from Keras', relative to the largest number, and what is allowed. Null where none was compared. */
  difference: number | null;
  allowed: number;
}

export const isRight = (verdict: string | null): boolean => verdict?.startsWith('right') ?? false;

export function verdictOf(finding: Finding): string | null {
  if (finding.kind === 'refused') return finding.code;
  if (finding.kind !== 'right') return finding.kind === 'unsaved' ? null : finding.kind;
  if (finding.writtenAs === undefined) return 'right';
  return finding.writtenAs === null ? 'right, not written' : `right, as ${finding.writtenAs}`;
}

export function foundOf({ facts, formats, step, classes, trainable }: Result): Found {
  const verdicts = Object.fromEntries(FORMATS.map((format) => [format, verdictOf(formats[format])])) as Record<Format, string | null>;
  const differences = FORMATS.map((format) => formats[format]).flatMap((finding) =>
    finding.kind === 'right' && finding.difference !== undefined ? [finding.difference] : [],
  );
  return {
    name: facts.name,
    group: facts.group,
    classes: classes.length > 0 ? classes : facts.classes,
    ...verdicts,
    step: step && verdictOf(step),
    ...(step ? { trained: trainable } : {}),
    difference: differences.length > 0 ? Number(Math.max(...differences).toPrecision(2)) : null,
    allowed: Number(allowedDifference(facts).toPrecision(2)),
  };
}

/** How far outputs may be from Keras', relative: for a network that Keras itself moves further when its input moves by 1e-7, as far as that. */
export function allowedDifference({ tolerance, moved }: Result['facts']): number {
  return Math.max(tolerance, 4 * moved);
}

const PATH = resolve(import.meta.dirname, 'found.jsonl');

/** The committed findings. */
export function readFound(): Found[] {
  return readFileSync(PATH, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Found);
}

/** Keeps the findings: in the place of all that were kept, or of those of the same networks. */
export function writeFound(found: readonly Found[], { all }: { all: boolean }): void {
  const anew = new Map(found.map((entry) => [entry.name, entry]));
  const kept = all ? [] : readFound().map((entry) => anew.get(entry.name) ?? entry);
  const names = new Set(kept.map(({ name }) => name));
  const entries = [...kept, ...found.filter(({ name }) => !names.has(name))];
  writeFileSync(PATH, entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
}
