/** Latency of two models, measured in turn in one process. */
import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import type { ModelDocument } from '../model/document.ts';
import type { LatencyComparison } from '../report/latency.ts';
import { compareLatencies } from '../report/latency.ts';
import { forward } from './network.ts';
import { scope } from './scope.ts';
import { Variables } from './variables.ts';

const WARM_UP = 5;
const FEWEST_PAIRS = 30;
const MOST_PAIRS = 400;
const SECONDS = 1.5;

/** Times a forward pass of each on the same inputs, original and result in turn, until the seconds or 400 pairs are spent (30 pairs at least). */
export function measureLatency(
  original: ModelDocument,
  result: ModelDocument,
  inputs: Tensor,
  seed: number,
  seconds = SECONDS,
): LatencyComparison {
  const models = [original, result].map((document) => {
    const weights = Variables.from(document.weights);
    const values = new Map(weights.keys().map((key) => [key, weights.read(key)]));
    return {
      run: () =>
        scope(() => {
          const outputs = forward(document.graph, (key) => values.get(key)!, [inputs], { training: false });
          for (const output of outputs) output.dataSync();
        }),
      dispose: () => {
        for (const value of values.values()) value.dispose();
        weights.dispose();
      },
    };
  }) as [Timed, Timed];
  try {
    for (let round = 0; round < WARM_UP; round++) for (const model of models) model.run();
    const times: [number[], number[]] = [[], []];
    const began = performance.now();
    while (times[0].length < FEWEST_PAIRS || (times[0].length < MOST_PAIRS && performance.now() - began < seconds * 1000)) {
      // Which goes first alternates, so that neither always finds the caches warm.
      for (const which of times[0].length % 2 === 0 ? [0, 1] : [1, 0]) {
        const start = performance.now();
        models[which as 0 | 1].run();
        times[which as 0 | 1].push(performance.now() - start);
      }
    }
    return { batch_size: inputs.shape[0]!, ...compareLatencies(times[0], times[1], seed) };
  } finally {
    for (const model of models) model.dispose();
  }
}

interface Timed {
  run(): void;
  dispose(): void;
}
