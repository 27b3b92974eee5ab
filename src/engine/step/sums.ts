/** Where the parts of a batch add up, inside the graph. */
import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { type Graph, weightKey } from '../../model/graph.ts';
import { tf } from '../tensorflow.ts';
import { Variables } from '../variables.ts';
import { type Pass, SHOWN, type StepProgram } from './program.ts';

export class BatchSums {
  private readonly program: StepProgram;
  private readonly weights: Variables;
  private readonly moving: readonly string[];
  /** Gradients by key. */
  private readonly gradients = new Variables();
  /** `loss` and `shown`. */
  private readonly means = new Variables();
  /** Weights that the forward pass moves, as the parts so far have moved them. */
  private readonly moved = new Variables();

  constructor(program: StepProgram, weights: Variables, graph: Graph) {
    this.program = program;
    this.weights = weights;
    this.moving = graph.layers.flatMap((layer) =>
      layer.weights.flatMap((spec) => (spec.role === 'statistic' ? [weightKey(layer, spec.name)] : [])),
    );
    this.reset();
  }

  /** Handles and shapes by name. */
  *variables(): Generator<[name: string, handle: Tensor, shape: readonly number[]]> {
    for (const [kind, variables] of [
      ['gradients', this.gradients],
      ['means', this.means],
      ['moved', this.moved],
    ] as const) {
      for (const [index, key] of variables.keys().entries()) yield [`sums/${kind}/${index}`, variables.handle(key), variables.shape(key)];
    }
  }

  /** Sums at zero, and statistics as the weights have them. */
  reset(): void {
    tf.tidy(() => {
      for (const { key, shape } of this.program.tensors) this.gradients.assign(key, tf.zeros([...shape]));
      this.means.assign('loss', tf.scalar(0));
      this.means.assign('shown', tf.zeros([SHOWN.length]));
      for (const key of this.moving) this.moved.assign(key, tf.add(this.weights.read(key), 0));
    });
  }

  /** The statistics that a part begins with. */
  statistics(): Map<string, Tensor> {
    return new Map(this.moving.map((key) => [key, this.moved.read(key)]));
  }

  /** Adds a part's pass, weighted by its share of the batch's samples (a scalar). */
  add({ loss, shown, gradients, moved }: Pass, share: Tensor): void {
    const add = (variables: Variables, key: string, term: Tensor): void =>
      variables.assign(key, tf.add(variables.read(key), tf.mul(term, share)));
    add(this.means, 'loss', loss);
    add(this.means, 'shown', shown);
    for (const [index, { key }] of this.program.tensors.entries()) add(this.gradients, key, gradients[index]!);
    for (const [key, value] of moved) this.moved.assign(key, value);
  }

  /** The pass over the whole batch that the parts come to. */
  pass(): Pass {
    const keys = this.program.tensors.map(({ key }) => key);
    return {
      loss: this.means.read('loss'),
      shown: tf.keep(this.means.read('shown')),
      gradients: keys.map((key) => this.gradients.read(key)),
      weights: keys.map((key) => this.weights.read(key)),
      moved: this.statistics(),
    };
  }

  dispose(): void {
    for (const variables of [this.gradients, this.means, this.moved]) variables.dispose();
  }
}
