/** Latency of two models, measured in turn in one process. */
import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import type { ModelDocument } from '../model/document.ts';
import { compareLatencies, type LatencyComparison, pairsSuffice, TOLD, WARM_UP } from '../report/latency.ts';
import { forward } from './network.ts';
import { scope } from './scope.ts';
import { Variables } from './variables.ts';

/**
 * Times a forward pass of each on the same inputs, original and result in turn: 30 pairs at least and for `seconds`, then on until the interval is narrow or
 * patience spent, and at most 400 pairs. Of models of which 30 pairs take more than 20 seconds there are as many as these allow, and no fewer than 8.
 */
export function measureLatency(
  original: ModelDocument,
  result: ModelDocument,
  inputs: Tensor,
  seed: number,
  spent = TOLD,
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
    let began = performance.now();
    const elapsed = (): number => (performance.now() - began) / 1000;
    for (let round = 0; round < WARM_UP.runs && (round === 0 || elapsed() < WARM_UP.seconds); round++)
      for (const model of models) model.run();
    const times: [number[], number[]] = [[], []];
    began = performance.now();
    const compared = () => compareLatencies(times[0], times[1], seed);
    const width = (): number => {
      const { value, low, high } = compared().ratio;
      return (high - low) / value;
    };
    while (!pairsSuffice(times[0].length, elapsed(), spent, width)) {
      // Which goes first alternates, so that neither always finds the caches warm.
      for (const which of times[0].length % 2 === 0 ? [0, 1] : [1, 0]) {
        const start = performance.now();
        models[which as 0 | 1].run();
        times[which as 0 | 1].push(performance.now() - start);
      }
    }
    return { batch_size: inputs.shape[0]!, ...compared() };
  } finally {
    for (const model of models) model.dispose();
  }
}

interface Timed {
  run(): void;
  dispose(): void;
}
