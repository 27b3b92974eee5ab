/** Bytes that are almost those of another file. */
import type { generator } from '../../src/random.ts';

type Random = ReturnType<typeof generator>;

const NUMBERS = [0, 1, -1, 2, 127, 128, 255, 256, 32767, 65535, 65536, 2 ** 31 - 1, -(2 ** 31), 2 ** 32 - 1];
const WORDS = [
  '0',
  '-1',
  '1e308',
  '4294967296',
  '9007199254740993',
  'null',
  'true',
  '[]',
  '{}',
  '""',
  'NaN',
  '[[',
  ',',
  '"',
  '\\',
  '\n',
  '\0',
  '__proto__',
  'constructor',
  '\u{1f600}',
];

/** One of `others` may lend a piece. */
export function mutate(bytes: Buffer, others: readonly Buffer[], random: Random): Buffer {
  let made: Buffer = Buffer.from(bytes);
  if (bytes[0] === 0x7b && random.int(4) > 0) {
    const value = parsed(bytes);
    if (value !== undefined) {
      for (let change = 1 + random.int(2); change > 0; change--) changeValue(value, random);
      return Buffer.from(JSON.stringify(value));
    }
  }
  for (let change = 2 ** random.int(4); change > 0; change--) made = changed(made, others, random);
  return made.subarray(0, 2 ** 20);
}

function changed(bytes: Buffer, others: readonly Buffer[], random: Random): Buffer {
  const at = random.int(bytes.length + 1);
  const length = 1 + random.int(random.int(4) === 0 ? 256 : 8);
  const put = (piece: Uint8Array, over: number) =>
    Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(Math.min(bytes.length, at + over))]);
  switch (random.int(8)) {
    case 0:
      return put(Buffer.from([random.int(256)]), 1);
    case 1:
      return put(Buffer.from([(bytes[at] ?? 0) ^ (1 << random.int(8))]), 1);
    case 2:
      return put(Buffer.alloc(0), length);
    case 3:
      return put(bytes.subarray(at, at + length), 0);
    case 4: {
      const number = Buffer.alloc(8);
      const value = BigInt(NUMBERS[random.int(NUMBERS.length)]!);
      if (random.int(2) === 0) number.writeBigInt64LE(value);
      else number.writeBigInt64BE(value);
      const width = 2 ** random.int(4);
      const piece = random.int(2) === 0 ? number.subarray(0, width) : number.subarray(8 - width);
      return put(piece, width);
    }
    case 5:
      return put(Buffer.from(WORDS[random.int(WORDS.length)]!), random.int(2) * length);
    case 6: {
      const other = others[random.int(others.length)] ?? bytes;
      const from = random.int(other.length + 1);
      return put(other.subarray(from, from + 4 * length), random.int(2) * 4 * length);
    }
    default: {
      // A number that is written in digits.
      const digits = [...bytes.toString('latin1').matchAll(/\d+/g)];
      const found = digits[random.int(Math.max(1, digits.length))];
      if (!found) return put(Buffer.from([random.int(256)]), 1);
      const number = String(NUMBERS[random.int(NUMBERS.length)]);
      return Buffer.concat([bytes.subarray(0, found.index), Buffer.from(number), bytes.subarray(found.index + found[0].length)]);
    }
  }
}

type Json = Record<string, unknown>;

function parsed(bytes: Buffer): Json | undefined {
  try {
    return JSON.parse(bytes.toString());
  } catch {
    return undefined;
  }
}

/** Changes one value somewhere below, takes one out, or puts one in another's place. */
function changeValue(root: Json, random: Random): void {
  const places: [holder: Json, key: string][] = [];
  const visit = (value: unknown) => {
    if (value === null || typeof value !== 'object') return;
    for (const key of Object.keys(value)) {
      places.push([value as Json, key]);
      visit((value as Json)[key]);
    }
  };
  visit(root);
  const place = places[random.int(Math.max(1, places.length))];
  if (!place) return;
  const [holder, key] = place;
  const kind = random.int(5);
  if (kind === 0) delete holder[key];
  else if (kind === 1) {
    const [from, name] = places[random.int(places.length)]!;
    holder[key] = structuredClone(from[name]);
  } else if (kind === 2) holder[key] = NUMBERS[random.int(NUMBERS.length)];
  else if (kind === 3) holder[key] = structuredClone(VALUES[random.int(VALUES.length)]);
  else holder[WORDS[random.int(WORDS.length)]!] = structuredClone(holder[key]);
}

const VALUES: readonly unknown[] = [null, true, '', 'x', [], {}, 0.5, 1e300, [null], [[]], [-1], { class_name: 'Dense', config: {} }];
