/** Tiny networks with residual blocks, each with one thing that their removal can get wrong. */
import { batchNormalization, type Config, conv2d, dense, type FunctionalBuilder, functional, layer, type TensorName } from './documents.ts';

const same = { padding: 'same' };
type Net = FunctionalBuilder;

/** conv, normalisation, dropout, conv, and the sum with what came in. */
export function block(n: Net, name: string, x: TensorName, filters = 4): TensorName {
  const a = n.call(conv2d(`${name}_a`, 3, 3, { ...same, activation: 'relu' }), x);
  const b = n.call(layer('Dropout', `${name}_drop`, { rate: 0.5 }), n.call(batchNormalization(`${name}_bn`), a));
  return n.call(layer('Add', `${name}_sum`), x, n.call(conv2d(`${name}_b`, filters, 3, same), b));
}

const stem = (n: Net, x: TensorName): TensorName => n.call(conv2d('stem', 4, 3, same), x);
const head = (n: Net, x: TensorName): TensorName => n.call(dense('out', 3), n.call(layer('GlobalAveragePooling2D', 'pool'), x));
const net = (build: (n: Net, x: TensorName) => TensorName): Config => functional((n) => build(n, n.input('x', [6, 6, 2])));

export const RESIDUAL: Record<string, { config: Config; blocks: string[]; frozen?: string[] }> = {
  'three blocks in a row': {
    config: net((n, x) => head(n, block(n, 'three', block(n, 'two', block(n, 'one', stem(n, x)))))),
    blocks: ['one_sum', 'two_sum', 'three_sum'],
  },
  'a block that is made smaller, which has no shortcut': {
    config: net((n, x) => {
      const a = block(n, 'one', stem(n, x));
      const down = n.call(conv2d('down', 6, 3, { ...same, strides: [2, 2] }), a);
      const short = n.call(conv2d('short', 6, 1, { ...same, strides: [2, 2] }), a);
      return head(n, block(n, 'two', n.call(layer('Add', 'down_sum'), short, down), 6));
    }),
    blocks: ['one_sum', 'two_sum'],
  },
  'a block in the branch of another': {
    config: net((n, x) => {
      const a = stem(n, x);
      const inner = block(n, 'inner', n.call(conv2d('outer_a', 4, 3, same), a));
      return head(n, n.call(layer('Add', 'outer_sum'), n.call(conv2d('outer_b', 4, 1), inner), a));
    }),
    blocks: ['inner_sum', 'outer_sum'],
  },
  'a sum that two read, one of them a further block': {
    config: net((n, x) => {
      const one = block(n, 'one', stem(n, x));
      const two = block(n, 'two', one);
      return head(n, n.call(layer('Concatenate', 'both'), one, two));
    }),
    blocks: ['one_sum', 'two_sum'],
  },
  'a branch that something else reads as well': {
    config: net((n, x) => {
      const a = stem(n, x);
      const b = n.call(conv2d('b', 4, 3, same), a);
      const c = n.call(conv2d('c', 4, 3, same), b);
      return head(n, n.call(layer('Concatenate', 'both'), b, n.call(layer('Add', 'sum'), a, c)));
    }),
    blocks: ['sum'],
  },
  'a shared layer in a branch, and a sum that is an output': {
    config: functional((n) => {
      const shared = conv2d('shared', 4, 3, same);
      const a = stem(n, n.input('x', [6, 6, 2]));
      const b = n.call(layer('Add', 'twice'), a, n.call(shared, n.call(shared, a)));
      const c = block(n, 'one', b);
      return [head(n, c), block(n, 'last', c)];
    }),
    blocks: ['one_sum'],
    frozen: ['twice', 'last_sum'],
  },
  'blocks in a nested model': {
    config: functional((n) => {
      const inner = functional((m) => block(m, 'two', block(m, 'one', m.input('inside', [6, 6, 4]))));
      Object.assign(inner.config as object, { name: 'inner' });
      return head(n, n.call(inner as never, stem(n, n.input('x', [6, 6, 2]))));
    }),
    blocks: ['inner/one_sum'],
    frozen: ['inner/two_sum'],
  },
};
