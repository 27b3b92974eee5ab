/**
 * What Keras' objects are like where nothing is said of them: the text of an `.esp` file says of an object in what it differs (docs/esp.md).
 *
 * `{"": "Dense", "units": 10}` stands for a Dense of 10 units. Keys are those of its config; one behind `^` belongs to the object beside its config, `-` lists what
 * its config lacks. An object that has a key without letters is `{"": [[key, value], …]}`.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { Problem } from '../../../errors.ts';

type Json = Record<string, unknown>;
interface Template extends Json {
  class_name: string;
  config: Json;
}

const TEMPLATES = new Map(
  Object.entries(JSON.parse(readFileSync(join(import.meta.dirname, 'templates.json'), 'utf8')) as Record<string, Template>),
);
const TEXTS = new Map([...TEMPLATES].map(([name, template]) => [name, JSON.stringify(template)]));
/** Characters of JSON that templates may add to a text: some ten thousand layers. */
const LONGEST = 16 * 2 ** 20;

// TypeScript's library does not have it yet.
const { isRawJSON } = JSON as unknown as { isRawJSON(value: unknown): value is object };

/** The value, in the words of templates where these give it back. Its numbers may be texts of `JSON.rawJSON`. */
export function inTemplates(value: Json): unknown {
  const short = shortened(value, new Names());
  return givesBack(short, value) ? short : escaped(value);
}

/** Not where keys are not what they seem, and where a text would stand for too much. */
function givesBack(short: unknown, value: Json): boolean {
  try {
    return isDeepStrictEqual(fromTemplates(parsed(short)), parsed(value));
  } catch (error) {
    if (error instanceof Problem) return false;
    throw error;
  }
}

/** What such a text stands for. Throws Problem MODEL_UNREADABLE for a template that there is none of, and for a text that stands for too much. */
export function fromTemplates(value: unknown): unknown {
  return expanded(value, new Names(), { characters: LONGEST });
}

/** Keras' own names for objects that were given none: of the second Conv2D, `conv2d_1`. */
class Names {
  private readonly counts = new Map<string, number>();

  next(className: string): string {
    const count = this.counts.get(className) ?? 0;
    this.counts.set(className, count + 1);
    const words = className.replace(/(.)([A-Z][a-z]+)/g, '$1_$2').replace(/([a-z])([A-Z])/g, '$1_$2');
    return count === 0 ? words.toLowerCase() : `${words.toLowerCase()}_${count}`;
  }
}

function shortened(value: unknown, names: Names): unknown {
  if (Array.isArray(value)) return value.map((item) => shortened(item, names));
  if (!isObject(value)) return value;
  const { class_name: className, config } = value;
  const template = typeof className === 'string' && isObject(config) ? TEMPLATES.get(className) : undefined;
  if (!template || !isObject(config)) return mapped(value, (item) => shortened(item, names));
  const usual = usualConfig(template, names);
  const made: [string, unknown][] = [['', className]];
  for (const [key, item] of inOrder(value, template)) {
    const isUsual = key === 'class_name' || key === 'config' || (key === 'name' && 'inbound_nodes' in value && item === config.name);
    if (!isUsual && !(key in template && isSame(item, template[key]))) made.push([`^${key}`, shortened(item, names)]);
  }
  for (const [key, item] of inOrder(config, usual)) {
    if (!(key in usual && isSame(item, usual[key]))) made.push([key, shortened(item, names)]);
  }
  const gone = Object.keys(usual).filter((key) => !(key in config));
  if (gone.length > 0) made.push(['-', gone]);
  return Object.fromEntries(made);
}

function expanded(value: unknown, names: Names, room: { characters: number }): unknown {
  if (Array.isArray(value)) return value.map((item) => expanded(item, names, room));
  if (!isObject(value)) return value;
  const { '': kind, '-': gone, ...said } = value;
  if (Array.isArray(kind)) {
    if (!kind.every(isEntry)) throw new Problem('MODEL_UNREADABLE', 'The .esp file cannot be read: its text has an object of no keys.');
    return Object.fromEntries(kind.map(([key, item]) => [key, expanded(item, names, room)]));
  }
  if (kind === undefined) return mapped(value, (item) => expanded(item, names, room));
  const text = TEXTS.get(String(kind));
  if (text === undefined)
    throw new Problem('MODEL_UNREADABLE', `The .esp file cannot be read: its text speaks of ${String(kind).slice(0, 80)}.`);
  room.characters -= text.length;
  if (room.characters < 0) throw new Problem('MODEL_UNREADABLE', 'The .esp file cannot be read: its text stands for too much.');
  const copy = JSON.parse(text) as Template;
  const made = new Map(Object.entries(copy));
  const config = new Map(Object.entries(usualConfig(copy, names)));
  for (const [key, item] of Object.entries(said)) {
    if (key.startsWith('^')) made.set(key.slice(1), expanded(item, names, room));
    else config.set(key, expanded(item, names, room));
  }
  if (Array.isArray(gone)) for (const key of gone) config.delete(String(key));
  if (made.has('inbound_nodes') && !made.has('name')) made.set('name', config.get('name'));
  return Object.fromEntries(made.set('config', Object.fromEntries(config)));
}

/** Entries in the order in which they are read again: a template's keys in its order, then the others. */
function inOrder(value: Json, template: Json): [string, unknown][] {
  const known = Object.keys(template).filter((key) => key in value);
  const others = Object.entries(value).filter(([key]) => !(key in template));
  return [...known.map((key): [string, unknown] => [key, value[key]]), ...others];
}

function usualConfig({ class_name: className, config }: Template, names: Names): Json {
  const name = names.next(className);
  return config.name === null ? { ...config, name } : { ...config };
}

/** The value as it is, but for objects that would be taken for others. */
function escaped(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(escaped);
  if (!isObject(value)) return value;
  return '' in value ? { '': Object.entries(value).map(([key, item]) => [key, escaped(item)]) } : mapped(value, escaped);
}

function mapped(value: Json, change: (item: unknown) => unknown): Json {
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, change(item)]));
}

function isSame(value: unknown, usual: unknown): boolean {
  return isDeepStrictEqual(parsed(value), usual);
}

/** As it is read again: numbers that are texts are numbers. */
function parsed(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value));
}

function isEntry(value: unknown): value is [string, unknown] {
  return Array.isArray(value) && value.length === 2 && typeof value[0] === 'string';
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !isRawJSON(value);
}
