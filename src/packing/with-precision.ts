import type { ModelDocument, Weights } from '../model/document.ts';
import { type HalfPrecision, rounded } from '../model/formats/half-precision.ts';
import { weightKey } from '../model/graph.ts';

/** The document with its numbers rounded to a type of two bytes, and the keys of weights that the type has no room for, which stay as they are. */
export function withPrecision(document: ModelDocument, type: HalfPrecision): { document: ModelDocument; tooLarge: string[] } {
  const { graph, source } = document;
  const weights: Weights = new Map(document.weights);
  const narrow = new Map(source.narrow);
  const tooLarge: string[] = [];
  for (const layer of graph.layers) {
    for (const spec of layer.weights) {
      const key = weightKey(layer, spec.name);
      const { shape, data } = weights.get(key)!;
      // Whole numbers are no floats.
      if (spec.stored === 'int64') continue;
      // Small negative numbers would become -0, which is another byte pattern than +0.
      const made = rounded(data, type).map((value) => (value === 0 ? 0 : value));
      if (!made.every(Number.isFinite)) {
        tooLarge.push(key);
        continue;
      }
      weights.set(key, { shape, data: made });
      narrow.set(key, type);
    }
  }
  return { document: { ...document, weights, source: { ...source, narrow } }, tooLarge };
}
