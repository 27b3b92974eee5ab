import type { ModelDocument } from '../model/document.ts';
import { bypass, hasLayer } from '../model/edit-config.ts';
import { readGraph, weightKey } from '../model/graph.ts';
import { editableConfig, withConfig } from '../model/with-layers.ts';
import type { ResidualBlock } from './blocks.ts';

/** The document without the blocks: their sums are their shortcuts. The blocks must be of its graph and not frozen. Throws what `withConfig` throws. */
export function removeBlocks(document: ModelDocument, blocks: readonly ResidualBlock[]): ModelDocument {
  if (blocks.length === 0) return document;
  const config = editableConfig(document);
  // A block inside another's branch goes with it.
  for (const { name, shortcut } of blocks) if (hasLayer(config, name)) bypass(config, name, shortcut);
  const keys = new Set(readGraph(config).layers.flatMap((layer) => layer.weights.map((weight) => weightKey(layer, weight.name))));
  return withConfig(document, config, new Map([...document.weights].filter(([key]) => keys.has(key))));
}
