/** Stock TensorFlow.js in a process of its own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { readZip, writeZip } from '../../src/model/formats/zip.ts';
import type { ForeignArray } from './foreign.ts';

/** A `model.json` with its weights behind one another, in base64. */
export interface TfjsModel {
  model: Record<string, unknown> & { weightsManifest: { paths: string[] }[] };
  weights: string;
}

/** What `test/tfjs/tfjs.cjs` answers. Rejects with its last words where it ends without an answer. */
async function ask<Answer>(request: unknown): Promise<Answer> {
  const child = spawn(process.execPath, [resolve(import.meta.dirname, '../tfjs/tfjs.cjs')], { stdio: ['pipe', 'pipe', 'pipe'] });
  // A child that dies before it has read everything closes the pipe; its exit tells why.
  child.stdin.on('error', () => {});
  child.stdin.end(JSON.stringify(request));
  const closed = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  const [answer, lastWords, [code, signal]] = await Promise.all([text(child.stdout), text(child.stderr), closed]);
  if (code !== 0) throw new Error(`TensorFlow.js ended with ${signal ?? `code ${code}`}. ${lastWords.slice(-4000)}`);
  return JSON.parse(answer) as Answer;
}

/** Models that TensorFlow.js made, with inputs and what it predicts for them. */
export const madeByTfjs = () => ask<Record<string, TfjsModel & { x: ForeignArray[]; y: ForeignArray[] }>>({ make: true });

/** What TensorFlow.js predicts with each model. */
export const predictedByTfjs = (models: readonly (TfjsModel & { x: ForeignArray[] })[]) => ask<ForeignArray[][]>({ load: models });

/** The model in a zip as the service writes it. */
export async function unpacked(path: string): Promise<TfjsModel> {
  const { entries } = await readZip(path, 2 ** 30);
  const model = JSON.parse(entries.get('model.json')!.toString()) as TfjsModel['model'];
  return {
    model,
    weights: Buffer.concat(model.weightsManifest.flatMap(({ paths }) => paths.map((name) => entries.get(name)!))).toString('base64'),
  };
}

/** A zip of a model as TensorFlow.js saved it. */
export function packed({ model, weights }: TfjsModel): Promise<Buffer> {
  return writeZip([
    ['model.json', Buffer.from(JSON.stringify(model))],
    [model.weightsManifest[0]!.paths[0]!, Buffer.from(weights, 'base64')],
  ]);
}
