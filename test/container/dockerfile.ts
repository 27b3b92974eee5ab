import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export const ROOT = join(import.meta.dirname, '../..');

export interface Instruction {
  /** In capitals, such as RUN. */
  name: string;
  rest: string;
}

/** A build stage with the instructions of its own. */
export interface Stage {
  name: string;
  /** An image, with its ARGs filled in, or another stage. */
  from: string;
  instructions: Instruction[];
}

export interface Dockerfile {
  text: string;
  /** Defaults of the ARGs before the first FROM. */
  args: Map<string, string>;
  stages: Stage[];
}

export function readRootFile(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

/** As much of the Dockerfile's syntax as ours uses: no here-documents, no other escape character. */
export function readDockerfile(): Dockerfile {
  const text = readRootFile('Dockerfile');
  const args = new Map<string, string>();
  const stages: Stage[] = [];
  const lines = text.split('\n').filter((line) => !/^\s*(#|$)/.test(line));
  for (const line of lines.join('\n').replaceAll('\\\n', ' ').split('\n')) {
    const [, name = '', rest = ''] = /^(\w+)\s+(.*)$/.exec(line) ?? [];
    const stage = stages.at(-1);
    if (name === 'FROM') {
      const [, from = '', stageName = ''] = /^(\S+) AS (\S+)$/.exec(rest) ?? [];
      stages.push({ name: stageName, from: from.replace(/\$\{(\w+)\}/, (_, arg) => args.get(arg) ?? ''), instructions: [] });
    } else if (stage) stage.instructions.push({ name, rest: rest.trim() });
    else if (name === 'ARG') args.set(...(rest.split('=', 2) as [string, string]));
  }
  return { text, args, stages };
}

/** The instructions that make a stage, those of the stages it stands on first. */
export function lineage(file: Dockerfile, name: string): Instruction[] {
  const stage = file.stages.find((candidate) => candidate.name === name);
  return stage ? [...lineage(file, stage.from), ...stage.instructions] : [];
}

/** What ENV instructions set, the last one winning. */
export function environmentOf(instructions: readonly Instruction[]): Record<string, string> {
  const pairs = instructions.filter(({ name }) => name === 'ENV').flatMap(({ rest }) => [...rest.matchAll(/(\w+)=(\S+)/g)]);
  return Object.fromEntries(pairs.map(([, name, value]) => [name, value]));
}

/** Whether the builder gets to see a path, by .dockerignore: the last pattern that matches it, or a folder above it, decides. */
export function reachesBuilder(path: string): boolean {
  const patterns = readRootFile('.dockerignore')
    .split('\n')
    .filter((line) => line && !line.startsWith('#'));
  const parts = path.split('/');
  const withParents = parts.map((_, index) => parts.slice(0, index + 1).join('/'));
  let reaches = true;
  for (const pattern of patterns) {
    const expression = pattern
      .replace(/^!/, '')
      .replace(/[.+^${}()|[\]\\]/g, '\\$&')
      .replaceAll('*', '[^/]*');
    if (withParents.some((candidate) => new RegExp(`^${expression}$`).test(candidate))) reaches = pattern.startsWith('!');
  }
  return reaches;
}
