import { espTextBytes } from '../model/formats/esp/index.ts';
import type { CheckedModel } from './check-training.ts';
import { refuse } from './refuse.ts';

/** Fewer channels are shorter numbers in the config. */
const CONFIG_SHARE = 0.8;

/** Throws Problem TARGET_OUT_OF_REACH where a file of so many bytes has no room for the network's config, which every format that is read again has in it. */
export async function checkBytes(bytes: number, pointer: string, readConfig: CheckedModel['readConfig']): Promise<void> {
  const text = espTextBytes((await readConfig()) as Record<string, unknown>);
  if (bytes >= CONFIG_SHARE * text) return;
  const detail = `The config of this network alone has about ${text} bytes of an .esp file, the shortest. Accepted: more, and room for weights.`;
  refuse('TARGET_OUT_OF_REACH', pointer, detail, bytes);
}
