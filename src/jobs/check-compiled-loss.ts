/** What a model was compiled with that its loss here is not: nothing of it is left out in silence. */
import type { JobWarning } from '../ledger/ledger.ts';
import { unhonoured } from '../model/compile.ts';
import type { ModelFacts } from '../model/facts.ts';
import { layerClass } from '../model/layers/index.ts';
import { outputCall } from '../model/output-call.ts';
import { compiledLoss } from './check-loss.ts';
import type { CheckedModel } from './check-training.ts';
import { graphOf } from './models-at-samples.ts';
import { refuse } from './refuse.ts';
import type { LossName } from './spec/index.ts';

/** Those of Keras that a training has as options of its own, and what `checkLogits` sees to. */
const TAKEN = ['label_smoothing', 'delta', 'from_logits'];

/** Warns of a compiled loss that does not run here, and of its options that have no effect. `asked` is what the job says, `loss` the one in force. */
export function warnOfLoss(asked: LossName, loss: LossName, { compile }: ModelFacts, warn: (warning: JobWarning) => void): void {
  if (asked !== 'auto' || !compile?.loss) return;
  const notTaken = (detail: string) => warn({ code: 'COMPILE_OPTION_NOT_TAKEN', detail });
  if (compiledLoss({ compile }) === null) {
    notTaken(`The model is compiled with the loss ${compile.loss}, which is not there; ${loss} is used.`);
    return;
  }
  for (const { option, value } of compile.settings?.loss ? unhonoured(compile.settings.loss, TAKEN) : []) {
    notTaken(`The model is compiled with the loss's ${option} ${JSON.stringify(value)}, which has no effect here.`);
  }
}

/**
 * A cross-entropy is computed on what enters the last softmax or sigmoid; where an output goes through neither, the output itself is taken for logits. That
 * is refused where the model says that they are probabilities and a layer makes them that has no activation at all, such as an average of softmaxes, and
 * warned of where the model says so of a linear layer, or says nothing of such an output. `asked` is what the job says: a loss that it names is taken at its
 * word. Throws Problem INCOMPATIBLE_OPTIONS.
 */
export async function checkLogits(
  asked: LossName,
  loss: LossName,
  pointer: string,
  model: Pick<CheckedModel, 'facts' | 'readConfig' | 'sample'>,
  warn: (warning: JobWarning) => void,
): Promise<void> {
  const { facts } = model;
  if (!loss.endsWith('crossentropy') || (facts.outputs[0]!.activation ?? 'linear') !== 'linear') return;
  const { type, options } = facts.compile?.settings?.loss ?? {};
  const said = type?.endsWith('crossentropy') ? options!.from_logits : null;
  if (said === true) return;
  const graph = await graphOf(model);
  const layer = outputCall(graph, graph.outputs[0]!.tensor)?.layer;
  const isLinear = layer !== undefined && layerClass(layer.className).activation !== undefined;
  if (isLinear && said === null) return;
  const made = layer ? `comes out of ${layer.name} (${layer.className})` : 'is an input';
  if (!isLinear && said === false && asked === 'auto') {
    const detail = `${loss} is computed on logits here. The model is compiled with from_logits false, and its output ${made}, behind no softmax or sigmoid that could be left out. Accepted: a softmax or sigmoid at its end; ${loss} by name, where the output is logits; or mean_squared_error.`;
    refuse('INCOMPATIBLE_OPTIONS', pointer, detail, asked);
  }
  const says = said === false ? 'though the model is compiled with from_logits false' : 'and the model does not say whether it is';
  warn({ code: 'LOGITS_ASSUMED', detail: `The output ${made} and through no softmax or sigmoid: it is taken for logits, ${says}.` });
}
