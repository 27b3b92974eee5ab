import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inject } from 'vitest';

/** What a starter says of the server it has started. */
export interface Started<Facts> {
  /** The process that the end of all tests ends by SIGQUIT. */
  pid: number;
  facts: Facts;
}

/**
 * A server that all test files share: whoever asks first starts it, the others wait until it answers. It is ended after all tests. `start` gets a folder
 * of its own.
 */
export async function shared<Facts>(name: string, start: (folder: string) => Promise<Started<Facts>>): Promise<Facts> {
  const folder = join(inject('services'), name);
  const ready = join(folder, 'ready');
  try {
    await mkdir(folder);
  } catch {
    return JSON.parse(await appeared(ready));
  }
  try {
    const { pid, facts } = await start(folder);
    await writeFile(join(folder, 'pid'), String(pid));
    await put(ready, JSON.stringify(facts));
    return facts;
  } catch (error) {
    await put(ready, JSON.stringify(null));
    throw error;
  }
}

/** Whole or not there. */
async function put(path: string, text: string): Promise<void> {
  await writeFile(`${path}.new`, text);
  await rename(`${path}.new`, path);
}

async function appeared(path: string): Promise<string> {
  for (;;) {
    const text = await readFile(path, 'utf8').catch(() => null);
    if (text === 'null') throw new Error(`The server of ${path} did not start; the file that started it says why`);
    if (text !== null) return text;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
