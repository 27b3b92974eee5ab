/**
 * Layers as products of two thinner ones. The kernel of a Dense or of a convolution is a matrix [inputs, units] (of a convolution the inputs run over its
 * window); by its singular values it is a sum of products of one column and one row, of which the least are left out (Denil 2013; Denton 2014). The first
 * layer takes the window, the strides and the padding, the second is a Dense or a convolution of 1, with the bias and the activation.
 */
import type { LayerSelection } from '../jobs/spec/index.ts';
import { callMacs, parameterCount, totalMacs } from '../model/costs.ts';
import type { ModelDocument, Weight, Weights } from '../model/document.ts';
import { hasLayer, insertBefore, optionsOf } from '../model/edit-config.ts';
import { type Graph, type Layer, weightKey } from '../model/graph.ts';
import { size } from '../model/layers/index.ts';
import { editableConfig, withConfig } from '../model/with-layers.ts';
import type { LeftOut } from './candidates.ts';

/** A kernel that can be two. */
export interface FactorableKernel {
  layer: string;
  key: string;
  /** Of the matrix. */
  inputs: number;
  units: number;
  /** Output positions of one sample, over all calls: a rank costs `positions · (inputs + units)` multiply-accumulates. */
  positions: number;
}

/** Two factors whose product stands for a kernel: float32 [inputs, rank] and [rank, units]. */
export interface Factors {
  rank: number;
  first: Float32Array<ArrayBuffer>;
  second: Float32Array<ArrayBuffer>;
}

/** Of a kernel's matrix: U [inputs, full], the singular values [full], descending, and V [units, full]. */
export interface SingularValues {
  left: Float32Array;
  values: Float32Array;
  right: Float32Array;
}

const CLASSES: ReadonlySet<string> = new Set(['Dense', 'Conv1D', 'Conv2D', 'Conv3D']);

/** The kernels that a selection lets a job factorise, and those that are left out. */
export function factorableKernels(
  graph: Graph,
  selection: Pick<LayerSelection, 'include' | 'exclude'>,
): { kernels: FactorableKernel[]; leftOut: LeftOut[] } {
  const leftOut: LeftOut[] = [];
  const macs = callMacs(graph);
  const kernels = graph.layers.flatMap((layer): FactorableKernel[] => {
    const spec = layer.weights.find(({ role }) => role === 'kernel');
    if (!spec) return [];
    const reason = refusal(layer, selection);
    if (reason !== null) {
      leftOut.push({ name: layer.name, reason });
      return [];
    }
    const units = spec.shape.at(-1)!;
    const inputs = size(spec.shape.slice(0, -1));
    const own = macs.filter(({ call }) => call.layer === layer);
    const positions = own.reduce((sum, cost) => sum + cost.macs, 0) / (inputs * units);
    if (mostRank({ inputs, units }) < 1) {
      leftOut.push({ name: layer.name, reason: `two factors of [${inputs}, ${units}] have no fewer weights at any rank` });
      return [];
    }
    return [{ layer: layer.name, key: weightKey(layer, spec.name), inputs, units, positions }];
  });
  return { kernels, leftOut };
}

function refusal({ name, className, options }: Layer, { include, exclude }: Pick<LayerSelection, 'include' | 'exclude'>): string | null {
  if (exclude.includes(name)) return 'it is excluded';
  if (include !== undefined && !include.includes(name)) return 'it is not included';
  if (!CLASSES.has(className)) return `a ${className} is not one product; accepted: ${[...CLASSES].join(', ')}`;
  if (Number(options.groups ?? 1) !== 1) return 'it is a grouped convolution';
  return options.kernel_constraint ? 'its kernel has a constraint, which factors would not keep' : null;
}

/** The largest rank at which two factors have fewer weights than the kernel; 0 where none has. */
export function mostRank({ inputs, units }: Pick<FactorableKernel, 'inputs' | 'units'>): number {
  return Math.ceil((inputs * units) / (inputs + units)) - 1;
}

/** How far ranks may go down. */
export interface RankLimits {
  min_rank: number;
  round_to: number;
}

/** The rank that a kernel keeps when it wants this one: within limits; its full one, which leaves it whole, where factors would save nothing. */
export function keptRank(kernel: Pick<FactorableKernel, 'inputs' | 'units'>, wanted: number, { min_rank, round_to }: RankLimits): number {
  const rank = Math.ceil(Math.max(wanted, min_rank, 1) / round_to) * round_to;
  return rank > mostRank(kernel) ? fullRank(kernel) : rank;
}

export function fullRank({ inputs, units }: Pick<FactorableKernel, 'inputs' | 'units'>): number {
  return Math.min(inputs, units);
}

/** What is left of a model whose kernels have these ranks, in the kernels' order, counted on shapes alone. */
export function costOfRanks(
  graph: Graph,
  kernels: readonly FactorableKernel[],
  ranks: readonly number[],
): { macs: number; parameters: number } {
  let macs = totalMacs(graph);
  let parameters = parameterCount(graph).total;
  for (const [index, kernel] of kernels.entries()) {
    const { inputs, units, positions } = kernel;
    if (ranks[index]! >= fullRank(kernel)) continue;
    const saved = inputs * units - ranks[index]! * (inputs + units);
    macs -= positions * saved;
    parameters -= saved;
  }
  return { macs, parameters };
}

/** The factors of the terms of these numbers. */
export function factorsOf({ left, values, right }: SingularValues, { inputs, units }: FactorableKernel, terms: readonly number[]): Factors {
  const [rank, full] = [terms.length, values.length];
  const first = new Float32Array(inputs * rank);
  const second = new Float32Array(rank * units);
  for (const [at, term] of terms.entries()) {
    // Both factors get the root, so that neither's gradients are of another size.
    const root = Math.sqrt(values[term]!);
    for (let input = 0; input < inputs; input++) first[input * rank + at] = left[input * full + term]! * root;
    for (let unit = 0; unit < units; unit++) second[at * units + unit] = right[unit * full + term]! * root;
  }
  return { rank, first, second };
}

/** The kernel that the factors stand for, in its own shape. */
export function productOf({ rank, first, second }: Factors, { inputs, units }: FactorableKernel, shape: readonly number[]): Weight {
  const data = new Float32Array(inputs * units);
  for (let input = 0; input < inputs; input++) {
    for (let at = 0; at < rank; at++) {
      const value = first[input * rank + at]!;
      for (let unit = 0; unit < units; unit++) data[input * units + unit]! += value * second[at * units + unit]!;
    }
  }
  return { shape, data };
}

/** The document with two layers in the place of each that has factors. Throws what `withConfig` throws. */
export function withFactors(document: ModelDocument, factors: ReadonlyMap<FactorableKernel, Factors>): ModelDocument {
  if (factors.size === 0) return document;
  const config = editableConfig(document);
  const weights: Weights = new Map(document.weights);
  for (const [{ layer, key, units }, { rank, first, second }] of factors) {
    const { className, weights: specs } = document.graph.layers.find(({ name }) => name === layer)!;
    const options = optionsOf(config, layer);
    const name = freeName(config, layer);
    const { shape } = document.weights.get(key)!;
    insertBefore(
      config,
      layer,
      {
        module: 'keras.layers',
        class_name: className,
        config: {
          ...structuredClone(options),
          ...FIRST,
          name: name.slice(name.lastIndexOf('/') + 1),
          [COUNT[className] ?? 'filters']: rank,
        },
        registered_name: null,
      },
      rank,
    );
    const kernelName = specs.find(({ role }) => role === 'kernel')!.name;
    weights.set(`${name}/${kernelName}`, { shape: shape.with(-1, rank), data: first });
    const dense = className === 'Dense';
    const ones = shape.slice(0, -2).map(() => 1);
    if (!dense) Object.assign(options, { kernel_size: ones, strides: ones, padding: 'valid', dilation_rate: ones });
    weights.set(key, { shape: dense ? [rank, units] : [...ones, rank, units], data: second });
  }
  return withConfig(document, config, weights);
}

const COUNT: Readonly<Record<string, string>> = { Dense: 'units' };
/** Bias and activation come behind the second factor. */
const FIRST = { use_bias: false, activation: 'linear', activity_regularizer: null, bias_regularizer: null, bias_constraint: null };

function freeName(config: unknown, layer: string): string {
  for (let number = 1; ; number++) {
    const name = `${layer}_low_rank${number === 1 ? '' : `_${number}`}`;
    if (!hasLayer(config, name)) return name;
  }
}
