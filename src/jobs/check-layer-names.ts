import { Problem, type ProblemItem, received } from '../errors.ts';
import type { ModelFacts } from '../model/facts.ts';
import type { LayerSelection } from './spec/index.ts';

/** Throws Problem UNKNOWN_LAYER where a selection, which stands at `pointer` of the body, names a layer that the model has not. */
export function checkLayerNames(layers: LayerSelection, model: Pick<ModelFacts, 'layers'>, pointer: string): void {
  const known = new Set(model.layers.map((layer) => layer.name));
  const items: ProblemItem[] = [];
  const check = (name: string, place: string): void => {
    if (!known.has(name))
      items.push({
        pointer: `${pointer}/${place}`,
        detail: `The model has no layer of this name. It has: ${[...known].slice(0, 50).join(', ')}.`,
        received: received(name),
      });
  };
  for (const [index, name] of (layers.include ?? []).entries()) check(name, `include/${index}`);
  for (const [index, name] of layers.exclude.entries()) check(name, `exclude/${index}`);
  for (const name of Object.keys(layers.overrides)) check(name, `overrides/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`);
  if (items.length > 0)
    throw new Problem('UNKNOWN_LAYER', `The model has no layer ${items.map((item) => item.received).join(', ')}.`, { items });
}
