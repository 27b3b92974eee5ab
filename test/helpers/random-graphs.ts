/** Small random networks for property tests: chains with residual sums, concatenations, pooling, normalisation, shared layers. */
import fc from 'fast-check';
import { batchNormalization, type Config, conv2d, dense, flatten, functional, type LayerEntry, layer, maxPooling } from './documents.ts';

export interface Piece {
  kind:
    | 'conv'
    | 'strided'
    | 'normalise'
    | 'relu'
    | 'pool'
    | 'average'
    | 'pad'
    | 'residual'
    | 'two_convolutions'
    | 'projected'
    | 'concatenate'
    | 'itself_twice'
    | 'reshape'
    | 'shared'
    | 'dropout';
  filters: number;
}

const kinds: Piece['kind'][] = [
  'conv',
  'strided',
  'normalise',
  'relu',
  'pool',
  'average',
  'pad',
  'residual',
  'two_convolutions',
  'projected',
  'concatenate',
  'itself_twice',
  'reshape',
  'shared',
  'dropout',
];

export interface RandomGraph {
  pieces: Piece[];
  head: 'flatten' | 'average' | 'dense_per_place';
  units: number;
}

export const randomGraph: fc.Arbitrary<RandomGraph> = fc.record({
  pieces: fc.array(fc.record({ kind: fc.constantFrom(...kinds), filters: fc.integer({ min: 1, max: 5 }) }), { minLength: 1, maxLength: 7 }),
  head: fc.constantFrom('flatten' as const, 'average' as const, 'dense_per_place' as const),
  units: fc.integer({ min: 1, max: 6 }),
});

const same = { padding: 'same' };

/** The config of a random graph on samples of shape [8, 8, 2] with an output of 3. */
export function configOf({ pieces, head, units }: RandomGraph): Config {
  return functional((net) => {
    let count = 0;
    const named = (make: (name: string) => LayerEntry): LayerEntry => make(`l${count++}`);
    let x = net.call(
      named((name) => conv2d(name, 4, 3, { padding: 'same', activation: 'relu' })),
      net.input('x', [8, 8, 2]),
    );
    let channels = 4;
    let side = 8;
    const conv = (filters: number, options: Record<string, unknown> = same) =>
      net.call(
        named((name) => conv2d(name, filters, 3, options)),
        x,
      );
    for (const { kind, filters } of pieces) {
      switch (kind) {
        case 'conv':
          x = conv(filters, { ...same, activation: 'relu', use_bias: filters % 2 === 0 });
          channels = filters;
          break;
        case 'strided':
          x = conv(filters, { ...same, strides: [2, 2] });
          channels = filters;
          side = Math.ceil(side / 2);
          break;
        case 'normalise':
          x = net.call(
            named((name) => batchNormalization(name, { scale: filters !== 2, center: filters !== 3 })),
            x,
          );
          break;
        case 'relu':
          x = net.call(
            named((name) => layer('Activation', name, { activation: 'relu' })),
            x,
          );
          break;
        case 'pool':
        case 'average':
          if (side < 2) break;
          x = net.call(
            named((name) => ({ ...maxPooling(name), class_name: kind === 'pool' ? 'MaxPooling2D' : 'AveragePooling2D' })),
            x,
          );
          side = Math.floor(side / 2);
          break;
        case 'pad':
          if (side > 8) break;
          x = net.call(
            named((name) =>
              layer('ZeroPadding2D', name, {
                padding: [
                  [1, 0],
                  [0, 1],
                ],
              }),
            ),
            x,
          );
          side += 1;
          break;
        case 'residual':
          x = net.call(
            named((name) => layer('Add', name)),
            conv(channels),
            x,
          );
          break;
        case 'two_convolutions':
          x = net.call(
            named((name) => layer('Add', name)),
            conv(filters),
            conv(filters),
          );
          channels = filters;
          break;
        case 'projected':
          x = net.call(
            named((name) => layer('Add', name)),
            conv(channels),
            x,
            conv(channels),
          );
          break;
        case 'concatenate':
          if (channels > 12) break;
          x = net.call(
            named((name) => layer('Concatenate', name, { axis: -1 })),
            conv(filters),
            x,
          );
          channels += filters;
          break;
        case 'itself_twice':
          if (channels > 6) break;
          x = net.call(
            named((name) => layer('Concatenate', name, { axis: 3 })),
            x,
            x,
          );
          channels *= 2;
          break;
        case 'reshape':
          x = net.call(
            named((name) => layer('Reshape', name, { target_shape: [side, -1, channels] })),
            x,
          );
          break;
        case 'shared': {
          const shared = named((name) => conv2d(name, channels, 3, { ...same, activation: 'relu' }));
          x = net.call(shared, net.call(shared, x));
          break;
        }
        case 'dropout':
          x = net.call(
            named((name) => layer('Dropout', name, { rate: 0.5, seed: null, noise_shape: null })),
            x,
          );
      }
    }
    const wide = (name: string) => dense(name, units, { activation: 'relu' });
    if (head === 'average') x = net.call(layer('GlobalAveragePooling2D', 'head'), x);
    if (head === 'flatten') x = net.call(flatten('head'), x);
    x = net.call(wide('wide'), x);
    if (head === 'dense_per_place') x = net.call(layer('GlobalMaxPooling2D', 'head'), x);
    return net.call(dense('out', 3), x);
  });
}
