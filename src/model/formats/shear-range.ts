/** The range of a RandomShear as Keras takes it. */

type Json = Record<string, unknown>;

/**
 * The config with ranges of RandomShear written as a number where they go from one below 0 to its opposite. Keras 3.15 makes such a range of a number, writes
 * the range into its files, and then refuses them, since a range may hold no number below 0.
 */
export function withLoadableShears(entry: unknown): unknown {
  const { class_name: className, config } = (entry ?? {}) as { class_name?: unknown; config?: Json };
  if (className === 'RandomShear' && config) {
    const options = Object.entries(config).map(([name, value]) => [name, /^[xy]_factor$/.test(name) ? asNumber(value) : value]);
    return { ...(entry as Json), config: Object.fromEntries(options) };
  }
  if (!Array.isArray(config?.layers)) return entry;
  const layers = config.layers.map(withLoadableShears);
  // Most configs have none, and stay what they are.
  return layers.every((layer, index) => layer === (config.layers as unknown[])[index])
    ? entry
    : { ...(entry as Json), config: { ...config, layers } };
}

function asNumber(range: unknown): unknown {
  if (!Array.isArray(range) || range.length !== 2) return range;
  const [lower, upper] = range as [unknown, unknown];
  return typeof upper === 'number' && upper > 0 && lower === -upper ? upper : range;
}
