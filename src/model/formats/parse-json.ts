import { Problem, received } from '../../errors.ts';

/** A JSON object of a model file. Throws Problem MODEL_UNREADABLE; `name` is what it is called. */
export function parseObject(bytes: Buffer | string, name: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString());
  } catch (error) {
    throw new Problem('MODEL_UNREADABLE', `${name} is not JSON: ${(error as Error).message}.`, { cause: error });
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw new Problem('MODEL_UNREADABLE', `${name} is not a JSON object. Received: ${received(value)}`);
  }
  return value as Record<string, unknown>;
}
