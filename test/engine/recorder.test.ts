/** The recorder on its own: small programs, recorded and run again in a session. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { backend } from '../../src/engine/graph/native.ts';
import { encodeSavedModel } from '../../src/engine/graph/proto.ts';
import { NotRecordable, Recorder } from '../../src/engine/graph/recorder.ts';
import { owned, remove, Session, taken } from '../../src/engine/graph/session.ts';
import { assignVariable, readVariable } from '../../src/engine/raw-ops.ts';
import { scope } from '../../src/engine/scope.ts';
import { tf } from '../../src/engine/tensorflow.ts';
import { Variables } from '../../src/engine/variables.ts';
import { KERAS_PYTHON } from '../helpers/keras-python.ts';

interface Programs {
  recorder: Recorder;
  /** Float32 variables, of the shape of their first value. */
  variable(name: string, first: readonly number[]): Tensor;
  feed(name: string, value: Tensor): Tensor;
}

/** Records programs and loads them. */
function loaded(build: (programs: Programs) => void): {
  run(feeds: Record<string, Tensor>, ...fetches: string[]): number[][];
  session: Session;
} {
  const variables = new Variables();
  const recorder = new Recorder();
  const initial = new Map<string, readonly number[]>();
  scope(() =>
    build({
      recorder,
      variable(name, first) {
        variables.set(name, { shape: [first.length], data: Float32Array.from(first) });
        initial.set(name, first);
        recorder.variable(name, variables.handle(name), [first.length]);
        return variables.handle(name);
      },
      feed(name, value) {
        recorder.feed(name, value);
        return value;
      },
    }),
  );
  variables.dispose();
  const session = new Session(recorder.nodes);
  onTestFinished(() => session.dispose());
  for (const [name, first] of initial) session.set(name, Float32Array.from(first), [first.length]);
  return {
    session,
    run(feeds, ...fetches) {
      const ids = Object.values(feeds).map((value) => owned(value.dataSync() as Float32Array, value.shape, value.dtype as 'float32'));
      const names = Object.keys(feeds).map((name) => `${name}:0`);
      try {
        return session.run(ids, names.join(), fetches.map((name) => `${name}:0`).join()).map((id) => [...taken(id)]);
      } finally {
        for (const id of ids) remove(id);
      }
    },
  };
}

describe('what is recorded', () => {
  it('computes again with other feeds', () => {
    const { run } = loaded(({ recorder, feed }) => {
      const [a, b] = [feed('a', tf.zeros([2])), feed('b', tf.zeros([2]))];
      recorder.record(() => recorder.output('sum', tf.add(tf.mul(a, 3), b)));
    });
    expect(run({ a: tf.tensor1d([1, 2]), b: tf.tensor1d([10, 20]) }, 'sum')).toEqual([[13, 26]]);
    expect(run({ b: tf.tensor1d([0, 0]), a: tf.tensor1d([-1, 0.5]) }, 'sum')).toEqual([[-3, 1.5]]);
  });

  it('reads and writes a variable in the order of the run that was recorded', () => {
    const { run, session } = loaded(({ recorder, variable }) => {
      const v = variable('v', [1]);
      recorder.record(() => {
        const first = readVariable(v);
        assignVariable(v, tf.add(first, 1));
        const second = readVariable(v);
        const again = readVariable(v);
        assignVariable(v, tf.mul(tf.add(second, again), 5));
        recorder.output('seen', tf.concat([first, second, again, readVariable(v)]));
      });
    });
    for (let round = 0; round < 5; round++) {
      session.set('v', Float32Array.of(round), [1]);
      // As far as float32 holds every whole number.
      for (let v = round; v < 2 ** 20; v = 10 * (v + 1)) expect(run({}, 'seen')).toEqual([[v, v + 1, v + 1, 10 * (v + 1)]]);
    }
  });

  it('makes every write happen although only one number is asked for, and none where it is peeked at', () => {
    const { run, session } = loaded(({ recorder, variable, feed }) => {
      const [v, w] = [variable('v', [1]), variable('w', [2])];
      const x = feed('x', tf.zeros([1]));
      recorder.record(() => {
        recorder.peek('looked', tf.mul(readVariable(v), 100));
        assignVariable(v, x);
        assignVariable(w, tf.mul(x, 2));
        recorder.output('done', tf.scalar(7));
      });
    });
    expect(run({}, 'looked')).toEqual([[100]]);
    expect(session.get(['v', 'w']).flatMap((values) => [...values])).toEqual([1, 2]);
    expect(run({ x: tf.tensor1d([5]) }, 'done')).toEqual([[7]]);
    expect(session.get(['v', 'w']).flatMap((values) => [...values])).toEqual([5, 10]);
  });

  it('is several programs on the same variables, which do not wait for each other', () => {
    const { run, session } = loaded(({ recorder, variable }) => {
      const v = variable('v', [1]);
      for (const [name, by] of [
        ['double', 2],
        ['triple', 3],
      ] as const) {
        recorder.record(() => {
          assignVariable(v, tf.mul(readVariable(v), by));
          recorder.output(name, readVariable(v));
        });
      }
    });
    expect([run({}, 'double'), run({}, 'triple'), run({}, 'triple')]).toEqual([[[2]], [[6]], [[18]]]);
    expect(session.get(['v']).flatMap((values) => [...values])).toEqual([18]);
  });

  it('takes another value in the place of a named tensor', () => {
    const { run } = loaded(({ recorder, feed }) => {
      const a = feed('a', tf.zeros([1]));
      recorder.record(() => recorder.output('out', tf.add(recorder.named('middle', tf.mul(a, 2)), 1)));
    });
    expect(run({ a: tf.tensor1d([4]) }, 'out')).toEqual([[9]]);
    expect(run({ a: tf.tensor1d([4]), middle: tf.tensor1d([100]) }, 'out')).toEqual([[101]]);
  });

  it('leaves the binding as it found it, after an error too', () => {
    const native = backend.binding;
    const recorder = new Recorder();
    expect(() =>
      recorder.record(() => {
        throw new Error('no');
      }),
    ).toThrow('no');
    expect(backend.binding).toBe(native);
  });
});

describe('a condition', () => {
  const guarded = () =>
    loaded(({ recorder, variable, feed }) => {
      const [v, w, counter] = [variable('v', [1]), variable('w', [2]), variable('counter', [0])];
      const [x, ok] = [feed('x', tf.zeros([1])), feed('ok', tf.scalar(true, 'bool'))];
      recorder.record(() => {
        assignVariable(counter, tf.add(readVariable(counter), 1));
        const before = readVariable(v);
        let after: Tensor | null = null;
        recorder.whenever(ok, () => {
          assignVariable(v, tf.mul(x, 2));
          assignVariable(w, tf.add(readVariable(v), readVariable(w)));
          after = readVariable(w);
        });
        recorder.output('before', before);
        recorder.output('after', after!, tf.fill([1], -1));
      });
    });
  const values = (session: Session) => session.get(['v', 'w', 'counter']).map(([value]) => value);

  it('that holds lets every write happen, and one that does not none of those behind it', () => {
    const { run, session } = guarded();
    const at = (x: number, ok: boolean, ...fetches: string[]) => run({ x: tf.tensor1d([x]), ok: tf.scalar(ok, 'bool') }, ...fetches);
    expect(at(5, false, 'before', 'after')).toEqual([[1], [-1]]);
    expect(values(session)).toEqual([1, 2, 1]);
    expect(at(5, true, 'before', 'after')).toEqual([[1], [12]]);
    expect(values(session)).toEqual([10, 12, 2]);
    // Each output alone does the same.
    expect(at(7, false, 'after')).toEqual([[-1]]);
    expect(at(Number.NaN, false, 'before')).toEqual([[10]]);
    expect(values(session)).toEqual([10, 12, 4]);
    expect(at(1, true, 'before')).toEqual([[10]]);
    expect(values(session)).toEqual([2, 14, 5]);
  });
});

describe('what a graph cannot repeat is refused:', () => {
  const recordOnly = (work: (recorder: Recorder) => void) =>
    scope(() => {
      const recorder = new Recorder();
      recorder.record(() => work(recorder));
    });

  it('a tensor from outside that was not declared', () => {
    scope(() => {
      // Computed: numbers that are in JavaScript only are constants.
      const outside = tf.neg(tf.tensor1d([1, 2]));
      expect(() => recordOnly(() => tf.add(outside, 1))).toThrow(NotRecordable);
      expect(() => recordOnly((recorder) => recorder.output('x', outside))).toThrow('[2]');
    });
  });

  it('a variable that was not declared', () => {
    const variables = new Variables();
    onTestFinished(() => variables.dispose());
    variables.set('v', { shape: [1], data: Float32Array.of(1) });
    expect(() => recordOnly(() => readVariable(variables.handle('v')))).toThrow('ReadVariableOp');
  });

  it('a value read by JavaScript', () => {
    expect(() => recordOnly(() => tf.add(tf.scalar(1), 1).dataSync())).toThrow('A value was read by JavaScript');
  });

  it('random numbers that no seed repeats', () => {
    expect(() => recordOnly(() => tf.multinomial(tf.tensor1d([0.5, 0.5]), 3))).toThrow('Multinomial');
  });

  it('strings', () => {
    expect(() => recordOnly((recorder) => recorder.output('x', tf.tensor(['a', 'b'], [2], 'string')))).toThrow('strings');
  });
});

describe('constants', () => {
  const CASES: [string, () => Tensor, number][] = [
    ['ones', () => tf.tensor(new Float32Array(100_000).fill(1), [100, 1000]), 1],
    ['-0', () => tf.tensor(new Float32Array(100_000).fill(-0), [100_000]), -0],
    ['NaN', () => tf.tensor(new Float32Array(100_000).fill(Number.NaN), [100_000]), Number.NaN],
    ['negative whole numbers', () => tf.tensor(new Int32Array(100_000).fill(-7), [100_000], 'int32'), -7],
    ['truth', () => tf.tensor(new Uint8Array(100_000).fill(1), [100_000], 'bool'), 1],
  ];

  it.each(CASES)('of %s throughout are written as one value and come back whole', (_what, make, value) => {
    const { run, session } = loaded(({ recorder }) => recorder.record(() => recorder.output('out', make())));
    const [out] = run({}, 'out');
    expect(out).toHaveLength(100_000);
    expect(out!.every((each) => Object.is(each, value))).toBe(true);
    expect(session).toBeDefined();
    const recorder = new Recorder();
    scope(() => recorder.record(() => recorder.output('out', make())));
    expect(Buffer.concat(encodeSavedModel(recorder.nodes)).length).toBeLessThan(500);
  });

  it('of different values, single ones and empty ones are written as they are', () => {
    const { run } = loaded(({ recorder }) =>
      recorder.record(() => {
        recorder.output('several', tf.tensor1d([1, 2, 3.5, 3.5]));
        recorder.output('single', tf.scalar(-3, 'int32'));
        recorder.output('none', tf.tensor1d([], 'float32'));
      }),
    );
    expect(run({}, 'several', 'single', 'none')).toEqual([[1, 2, 3.5, 3.5], [-3], []]);
  });

  it('are those of the time of recording: what is written to the array later does not count', () => {
    const values = Float32Array.of(1, 2, 3);
    const { run } = loaded(({ recorder }) => {
      recorder.record(() => recorder.output('out', tf.tensor1d(values)));
      values.fill(9);
    });
    expect(run({}, 'out')).toEqual([[1, 2, 3]]);
  });
});

describe('a session', () => {
  it('is not made of a graph that TensorFlow refuses, says why, and leaves no file', () => {
    // A temporary folder of its own: other tests load graphs through the machine's at the same time.
    const folder = mkdtempSync(join(tmpdir(), 'espalier-refused-'));
    onTestFinished(() => {
      vi.unstubAllEnvs();
      rmSync(folder, { recursive: true, force: true });
    });
    vi.stubEnv('TMPDIR', folder);
    const sessions = tf.node.getNumOfSavedModels();
    expect(() => new Session([{ name: 'x', op: 'NoSuchOperation', inputs: [], attributes: [] }])).toThrow('NoSuchOperation');
    expect(tf.node.getNumOfSavedModels()).toBe(sessions);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('goes on after a run that failed', () => {
    const { run } = loaded(({ recorder, feed }) => {
      const a = feed('a', tf.zeros([2]));
      recorder.record(() => recorder.output('out', tf.mul(a, tf.tensor1d([2, 2]))));
    });
    expect(() => run({ a: tf.tensor1d([1, 2, 3]) }, 'out')).toThrow();
    expect(() => run({}, 'out')).toThrow();
    expect(run({ a: tf.tensor1d([1, 2]) }, 'out')).toEqual([[2, 4]]);
  });
});

it('knows every operation’s arguments as TensorFlow’s own definitions have them', () => {
  const folder = mkdtempSync(join(tmpdir(), 'espalier-arguments-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const fresh = join(folder, 'op-arguments.ts');
  const root = resolve(import.meta.dirname, '../..');
  execFileSync(KERAS_PYTHON, [join(root, 'scripts/op-arguments.py'), fresh], { stdio: 'pipe' });
  expect(readFileSync(join(root, 'src/engine/graph/op-arguments.ts'), 'utf8')).toBe(readFileSync(fresh, 'utf8'));
});
