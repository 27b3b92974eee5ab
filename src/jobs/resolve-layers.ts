import { patternOf } from '../clipping/groups.ts';
import { Problem, type ProblemItem, received } from '../errors.ts';
import type { ModelFacts } from '../model/facts.ts';

/** Which layers, and what counts for some of them, as `LayerSelection` has it for pruning. */
export interface Selection<Override> {
  include?: string[];
  exclude: string[];
  overrides: Record<string, Override>;
}

/**
 * A selection, which stands at `pointer` of the body, with every pattern replaced by the names of the layers that it fits, in the model's order.
 * Throws Problem UNKNOWN_LAYER where a name or a pattern fits none.
 */
export function resolveLayers<Override extends object>(
  layers: Selection<Override>,
  model: Pick<ModelFacts, 'layers'>,
  pointer: string,
): Selection<Override> {
  const known = model.layers.map((layer) => layer.name);
  const items: ProblemItem[] = [];
  const fitting = (asked: string, place: string): string[] => {
    // A name may hold a star itself.
    const pattern = patternOf(asked);
    const names = known.includes(asked) ? [asked] : asked.includes('*') ? known.filter((name) => pattern.test(name)) : [];
    if (names.length === 0) {
      const none = asked.includes('*') ? 'The model has no layer that this pattern fits.' : 'The model has no layer of this name.';
      items.push({
        pointer: `${pointer}/${place}`,
        detail: `${none} It has: ${known.slice(0, 50).join(', ')}.`,
        received: received(asked),
      });
    }
    return names;
  };
  const listed = (asked: readonly string[], place: string): string[] => {
    const names = new Set(asked.flatMap((name, index) => fitting(name, `${place}/${index}`)));
    return known.filter((name) => names.has(name));
  };
  const include = layers.include && listed(layers.include, 'include');
  const exclude = listed(layers.exclude, 'exclude');
  const overrides: Record<string, Override> = {};
  const entries = Object.entries(layers.overrides);
  const isName = ([asked]: [string, Override]): boolean => known.includes(asked);
  for (const [asked, override] of [...entries.filter(isName), ...entries.filter((entry) => !isName(entry))]) {
    // What is there already counts before.
    for (const name of fitting(asked, `overrides/${asked.replaceAll('~', '~0').replaceAll('/', '~1')}`)) {
      overrides[name] = { ...override, ...overrides[name] };
    }
  }
  if (items.length > 0)
    throw new Problem('UNKNOWN_LAYER', `The model has no layer ${items.map((item) => item.received).join(', ')}.`, { items });
  return { ...(include ? { include } : {}), exclude, overrides };
}
