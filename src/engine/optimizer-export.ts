/** The optimizer's state between the engine and the model's file, so that training goes on where Keras stopped, and Keras where we did. */
import type { Training } from '../jobs/spec/index.ts';
import { serialisedOptimizer, withCompilation } from '../model/compile-config.ts';
import type { ModelDocument, Weight, Weights } from '../model/document.ts';
import { readOptimizerState, withOptimizerState } from '../model/optimizer-state.ts';
import { outputActivation } from '../model/output-call.ts';
import { isClassification } from './losses.ts';
import { type OptimizerRule, type ResolvedOptimizer, resolved } from './optimizers/index.ts';
import { slotKey } from './step/index.ts';

export interface OptimizerNumbers {
  /** Updates made with these slots. */
  iterations: number;
  /** By `slotKey`, as the engine's kernels keep them. */
  slots: Weights;
}

/** Options of Keras' class; ours has them under the same names. */
function kerasOptions(optimizer: ResolvedOptimizer): Record<string, number | boolean | null> {
  const { type: _, learning_rate: _rate, weight_decay_on: _on, weight_decay, ...options } = optimizer;
  return { ...options, weight_decay: weight_decay === 0 ? null : weight_decay };
}

/**
 * The document, compiled with the training's optimizer and loss and carrying the optimizer's state. `dropped` says why there is no state where it could not
 * be carried.
 */
export function withTrainedOptimizer(
  document: ModelDocument,
  training: Training,
  rule: OptimizerRule,
  { iterations, slots }: OptimizerNumbers,
): { document: ModelDocument; dropped: string | null } {
  const optimizer = resolved(training.optimizer);
  const serialised = serialisedOptimizer({
    type: optimizer.type,
    learning_rate: optimizer.learning_rate,
    options: { ...kerasOptions(optimizer), ...kerasClipping(training) },
  });
  const config = withCompilation(document.config, {
    optimizer: serialised,
    loss: { type: training.loss, options: lossOptions(document, training) },
    metrics: isClassification(training.loss) ? ['accuracy'] : [],
  });
  const byWeight = new Map<string, Map<string, Weight>>();
  for (const [key, weight] of slots) {
    const at = key.lastIndexOf(':');
    const [name, slot] = [key.slice(0, at), key.slice(at + 1)];
    const scale = rule.kerasScale?.[slot] ?? 1;
    const data = scale === 1 ? weight.data : weight.data.map((value) => value / scale);
    byWeight.set(name, (byWeight.get(name) ?? new Map()).set(slot, { ...weight, data }));
  }
  return withOptimizerState(
    { ...document, config },
    {
      className: serialised.className,
      iterations,
      learningRate: optimizer.learning_rate,
      slots: byWeight,
      averages: null,
      scalars: new Map(),
    },
  );
}

/** The state in an uploaded file, for a training with the same optimizer; else the reason why there is none. */
export function uploadedOptimizer(document: ModelDocument, training: Training, rule: OptimizerRule): OptimizerNumbers | string {
  const reading = readOptimizerState(document);
  if (reading.outcome === 'none') return 'the file has no optimizer state';
  if (reading.outcome === 'unread') return reading.unread.reason;
  const { state } = reading;
  const { type } = resolved(training.optimizer);
  if (state.className.toLowerCase() !== type) return `the file has the state of ${state.className}, and the job trains with ${type}`;
  const slots: Weights = new Map();
  for (const [key, named] of state.slots) {
    for (const slot of rule.slots) {
      const weight = named.get(slot);
      // RMSprop without momentum has no slot for it in Keras.
      if (!weight) continue;
      const scale = rule.kerasScale?.[slot] ?? 1;
      slots.set(slotKey(key, slot), { ...weight, data: scale === 1 ? weight.data : weight.data.map((value) => value * scale) });
    }
  }
  return { iterations: state.iterations, slots };
}

function kerasClipping({ clipping }: Training): Record<string, number | null> {
  const limits = { clipnorm: null, clipvalue: null, global_clipnorm: null };
  if (clipping.type === 'norm') return { ...limits, clipnorm: clipping.max_norm };
  if (clipping.type === 'value') return { ...limits, clipvalue: clipping.clip_value };
  if (clipping.type === 'global_norm' && clipping.max_norm !== 'auto') return { ...limits, global_clipnorm: clipping.max_norm };
  return limits;
}

function lossOptions({ graph }: ModelDocument, { loss, label_smoothing, huber_delta }: Training): Record<string, number | boolean> {
  if (loss === 'huber') return { delta: huber_delta };
  if (!isClassification(loss)) return {};
  const activation = outputActivation(graph, graph.outputs[0]!.tensor);
  return {
    from_logits: activation !== 'softmax' && activation !== 'sigmoid',
    ...(loss === 'sparse_categorical_crossentropy' ? {} : { label_smoothing }),
  };
}
