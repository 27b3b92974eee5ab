/** What makes up for a cut, with `auto` resolved. */
import type { Graph } from '../../model/graph.ts';
import { refuse } from '../refuse.ts';
import { type Compensation, type Pruning, REESTIMATION_SAMPLES, type Reestimation } from '../spec/index.ts';

/** What `auto` comes to where nothing speaks against it: what measured better (bench/compensation.ts). */
const MEASURED_BETTER = { compensation: false, reestimation: true };

/** Throws Problem INCOMPATIBLE_OPTIONS where what is asked for makes up for nothing. */
export function resolveMakeUp(pruning: Pruning, graph: Graph): { compensation: Compensation; reestimate_batch_norm: Reestimation } {
  const { compensation, reestimate_batch_norm: reestimation } = pruning;
  const against = compensationFault(pruning);
  if (compensation === 'mean' && against !== null) refuse('INCOMPATIBLE_OPTIONS', '/pruning/compensation', against, compensation);
  const fault = reestimationFault(pruning, graph);
  const asked = reestimation !== 'auto' && reestimation !== false;
  if (asked && fault !== null) refuse('INCOMPATIBLE_OPTIONS', '/pruning/reestimate_batch_norm', fault, reestimation);
  const byItself = fault === null && pruning.structure.type === 'channels' && MEASURED_BETTER.reestimation;
  const wanted = reestimation === 'auto' ? byItself : reestimation;
  return {
    compensation: compensation === 'auto' ? (against === null && MEASURED_BETTER.compensation ? 'mean' : 'none') : compensation,
    reestimate_batch_norm: wanted === true ? { samples: REESTIMATION_SAMPLES } : wanted,
  };
}

function compensationFault({ structure, criterion, schedule }: Pruning): string | null {
  if (structure.type !== 'channels') return `Readers of removed units are compensated, and ${structure.type} removes none. Accepted: none.`;
  if (schedule.type === 'rewind') return 'Survivors go back to earlier weights, and what made up for the cut is gone. Accepted: none.';
  return criterion.type === 'reconstruction' ? 'reconstruction makes up for what goes by rescaling what stays. Accepted: none.' : null;
}

function reestimationFault({ schedule }: Pruning, graph: Graph): string | null {
  if (schedule.type !== 'one_shot' && schedule.type !== 'iterative')
    return `Under ${schedule.type} normalisations follow the cuts as the model trains. Accepted: false, or the schedules one_shot and iterative.`;
  const trained = graph.layers.some(({ className, trainable }) => className === 'BatchNormalization' && trainable);
  return trained ? null : 'The model has no batch normalisation that is trained. Accepted: false.';
}
