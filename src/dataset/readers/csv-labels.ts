/** The label column of a CSV file while it is read. */
import type { ArraySource } from '../arrays.ts';
import { type ByteSource, blocks, pieces } from '../bytes.ts';
import type { ElementType } from '../elements.ts';
import { createFile } from '../file-writer.ts';
import { MOST_CLASSES } from '../limits.ts';
import { FLOAT32_LIMIT } from '../storage.ts';
import { NUMBER } from './csv-number.ts';

const LONGEST_LABEL = 200;

export interface LabelColumn {
  /** Takes the next sample's cell; returns why it is refused, or null. */
  add(cell: string): string | null;
  /** Call it once, also after a failure. */
  close(): void;
  /** After `close`: y as an array, and the sorted texts that its numbers stand for where the labels are text. */
  finished(): { array: ArraySource; classNames: string[] | null };
}

/** Collects labels in a scratch file: all of them numbers (float64), or all of them text (the number of each text's first appearance, uint16). */
export function labelColumn(source: ByteSource, scratchPath: string): LabelColumn {
  const file = createFile(scratchPath);
  const number = new Float64Array(1);
  const ordinal = new Uint16Array(1);
  const texts = new Map<string, number>();
  let samples = 0;

  const addText = (text: string): string | null => {
    let found = texts.get(text);
    if (found === undefined) {
      if (texts.size === MOST_CLASSES) return `is different label number ${MOST_CLASSES + 1}; the limit is ${MOST_CLASSES}`;
      if (text.length > LONGEST_LABEL) return `is a label of ${text.length} characters; the limit is ${LONGEST_LABEL}`;
      if (text.includes('\ufffd')) return 'is not text in UTF-8';
      found = texts.size;
      texts.set(text, found);
    }
    ordinal[0] = found;
    file.write(new Uint8Array(ordinal.buffer));
    return null;
  };

  return {
    add(cell) {
      const text = cell.trim();
      if (text === '') return 'is empty; each sample needs its label';
      const isText = !NUMBER.test(text);
      if (samples > 0 && isText !== texts.size > 0) {
        return `is ${isText ? 'text' : 'a number'}, and the labels before it are ${isText ? 'numbers' : 'text'}; labels are all numbers or all text`;
      }
      if (!isText && Math.abs(Number(text)) >= FLOAT32_LIMIT) return 'is larger than a float32 can be';
      samples += 1;
      if (isText) return addText(text);
      number[0] = Number(text);
      file.write(new Uint8Array(number.buffer));
      return null;
    },
    close: () => file.close(),
    finished() {
      const classNames = texts.size === 0 ? null : [...texts.keys()].sort();
      const element: ElementType =
        classNames === null ? { kind: 'float', bytes: 8, bigEndian: false } : { kind: 'uint', bytes: 2, bigEndian: false };
      const stored = () => pieces({ path: scratchPath, start: 0, length: samples * element.bytes });
      const bytes = classNames === null ? stored : () => renumbered(stored(), positions(texts, classNames));
      return { array: { name: source.name, pointer: source.pointer, element, shape: [samples], plain: null, bytes }, classNames };
    },
  };
}

/** For each text's first appearance its place among the sorted names. */
function positions(texts: ReadonlyMap<string, number>, classNames: readonly string[]): Uint16Array {
  const places = new Uint16Array(texts.size);
  for (const [place, name] of classNames.entries()) places[texts.get(name)!] = place;
  return places;
}

async function* renumbered(bytes: AsyncIterable<Uint8Array>, places: Uint16Array): AsyncGenerator<Uint8Array> {
  for await (const block of blocks(bytes)) {
    const ordinals = new Uint16Array(block.buffer, block.byteOffset, block.length / 2);
    for (let index = 0; index < ordinals.length; index += 1) ordinals[index] = places[ordinals[index]!]!;
    yield block;
  }
}
