/** Plans as files of JSON. */
import { readFile, stat } from 'node:fs/promises';
import { Compile } from 'typebox/compile';
import { Problem } from '../errors.ts';
import { Plan } from '../jobs/spec/index.ts';
import { fillDefaults } from '../schema.ts';

/** Positions of four hundred million weights. */
const MOST_BYTES = 64 * 2 ** 20;

const checked = Compile(Plan);

/** Throws Problem PLAN_MISMATCH where the file is no plan, or larger than one may be. */
export async function readPlan(path: string): Promise<Plan> {
  const { size } = await stat(path);
  if (size > MOST_BYTES) throw new Problem('PLAN_MISMATCH', `The plan has ${size} bytes; at most ${MOST_BYTES} are read.`);
  const value: unknown = JSON.parse(await readFile(path, 'utf8'));
  const [fault] = checked.Check(value) ? [] : checked.Errors(value);
  if (fault) throw new Problem('PLAN_MISMATCH', `The plan is wrong at '${fault.instancePath}': ${fault.message}.`);
  return fillDefaults(Plan, value);
}
