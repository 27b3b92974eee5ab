/** Units that are read by zeros alone. */
import { describe, expect, it } from 'vitest';
import { channelMap } from '../../src/pruning/groups.ts';
import { unreadUnits } from '../../src/pruning/unread-units.ts';
import {
  batchNormalization,
  type Config,
  conv2d,
  dense,
  documentOf,
  flatten,
  functional,
  layer,
  sequential,
} from '../helpers/documents.ts';

/** How many units of each layer nothing reads, where `zero` says which weights are zero by their place. */
function unread(config: Config, zero: (key: string, index: number) => boolean): Record<string, number> {
  const document = documentOf(config, (key, index) => (zero(key, index) ? 0 : 1));
  const map = channelMap(document.graph);
  const removed = unreadUnits(map, document.weights);
  const counts = map.producers.map(({ call, units }) => [call.layer.name, units.reduce((sum, unit) => sum + removed[unit]!, 0)] as const);
  return Object.fromEntries(counts.filter(([, count]) => count > 0));
}

describe('units that nothing reads', () => {
  it('are those whose rows are zero, whatever makes them', () => {
    const config = sequential([4], [dense('a', 3), dense('out', 2)]);
    expect(unread(config, (key, index) => key === 'out/kernel' && index < 2)).toEqual({ a: 1 });
    expect(unread(config, (key, index) => key === 'out/kernel' && index < 1)).toEqual({});
    expect(unread(config, (key) => key === 'a/kernel')).toEqual({});
  });

  it('are not all of a group: one stays', () => {
    expect(unread(sequential([4], [dense('a', 3), dense('out', 2)]), (key) => key === 'out/kernel')).toEqual({ a: 2 });
  });

  it('are counted at every place of an image, behind normalisations, and over a sum', () => {
    const image = sequential([4, 4, 1], [conv2d('c', 2, 3), batchNormalization('n'), flatten('f'), dense('out', 2)]);
    // 4 places of 2 channels, 2 outputs: rows of channel 0 are 0, 2, 4, 6.
    const ofChannel = (index: number) => Math.floor(index / 2) % 2;
    expect(unread(image, (key, index) => key === 'out/kernel' && ofChannel(index) === 0)).toEqual({ c: 1 });
    expect(unread(image, (key, index) => key === 'out/kernel' && ofChannel(index) === 0 && index < 12)).toEqual({});
    const residual = functional((net) => {
      const a = net.call(dense('a', 3), net.input('x', [4]));
      return net.call(dense('out', 2), net.call(layer('Add', 's'), a, net.call(dense('b', 3), a)));
    });
    expect(unread(residual, (key, index) => key === 'out/kernel' && index < 2)).toEqual({});
    expect(unread(residual, (key, index) => (key === 'out/kernel' && index < 2) || (key === 'b/kernel' && index < 3))).toEqual({
      a: 1,
      b: 1,
    });
  });

  it('are none where a layer mixes its channels otherwise', () => {
    for (const between of [layer('LayerNormalization', 'n'), layer('LSTM', 'n', { units: 3, return_sequences: true })]) {
      const config = sequential([5, 4], [dense('a', 3), between, dense('out', 2)]);
      expect(unread(config, (key) => key.startsWith('n/') || key === 'out/kernel').a).toBeUndefined();
    }
  });
});
