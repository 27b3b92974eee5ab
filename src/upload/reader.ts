/**
 * The process in which one upload is read: whatever its bytes do, they do it here. Takes one Task from its parent, answers with one Outcome, and waits to
 * be ended; it ends by itself when the parent is gone.
 */
import { Problem } from '../errors.ts';
import type { Outcome, Task } from './messages.ts';

async function run(task: Task): Promise<unknown> {
  // What the other kind of upload needs is not loaded.
  if (task.kind === 'model') {
    const { readModelFacts } = await import('../pruning/inspect.ts');
    return await readModelFacts(task.path);
  }
  if (task.kind === 'convert') {
    const { convertModel } = await import('./convert.ts');
    return await convertModel(task.path, task.format, task.out);
  }
  if (task.kind === 'pack') {
    const { packParts } = await import('./pack.ts');
    return await packParts(task.parts, task.out);
  }
  if (task.kind === 'savings') {
    const { readSavings } = await import('../pruning/savings.ts');
    return await readSavings(task.path, task.options);
  }
  const { readDataset } = await import('../dataset/read.ts');
  return await readDataset(task.parts, task.options, task.folder, task.limits, { kept: task.kept });
}

async function outcomeOf(task: Task): Promise<Outcome> {
  try {
    return { kind: 'result', result: await run(task) };
  } catch (error) {
    if (error instanceof Problem) return { kind: 'problem', code: error.code, detail: error.message, items: error.items };
    const { message, stack } = error instanceof Error ? error : new Error(String(error));
    return { kind: 'fault', message, stack };
  }
}

process.once('disconnect', () => process.exit());
process.once('message', async (task: Task) => {
  process.send?.(await outcomeOf(task));
});
