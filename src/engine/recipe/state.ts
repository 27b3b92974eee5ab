/** What checkpoints of a recipe keep, once channels are removed. */
import type { ModelDocument, Weights } from '../../model/document.ts';
import { withConfig } from '../../model/with-layers.ts';
import type { TriedWeight } from '../../packing/rate/weight-search.ts';
import { BESIDE, resumedState } from '../between-runs.ts';
import type { StoredArray, StoredState } from '../checkpoint.ts';
import type { Made } from '../train-or-cut.ts';
import type { StageReport } from './stage-report.ts';

/** A λ that was tried. Plain JSON. */
export interface Trial extends TriedWeight {
  /** The number of the trial whose weights it began with; null: what the fine-tuning left. */
  from: number | null;
  epochs: number;
  /** Null where no decisions are made. */
  drop: number | null;
  loss: number;
  /** Of the model that it has left, without units that nothing reads. */
  config: Record<string, unknown>;
  /** What packing says of it. */
  packing: Record<string, unknown>;
  training: unknown;
  /** As a stage. */
  report: StageReport;
}

export interface RecipeState {
  recipe: 'smallest';
  /** Those that have ended, of which trials are none. */
  stages: StageReport[];
  removal: Pick<Made, 'cuts' | 'target' | 'training'>;
  /** Of the model that the removal left; fine-tuning changes its weights alone. */
  config: Record<string, unknown>;
  /** How the fine-tuning went; null until it has ended. */
  fineTuning: Record<string, unknown> | null;
  /** Those that have ended, in their order. */
  trials: Trial[];
  /** The one under way; null between trials. */
  current: { number: number; weight: number; from: number | null } | null;
}

/** A recipe's state, and the weights that go with it. */
export class RecipeProgress {
  readonly state: RecipeState;
  private readonly original: ModelDocument;
  /** What trials begin with, and what each has left. */
  private base: Weights;
  private readonly trials: Weights[];

  constructor(original: ModelDocument, state: RecipeState, base: Weights, trials: Weights[] = []) {
    this.original = original;
    this.state = state;
    this.base = base;
    this.trials = trials;
  }

  /** Of a checkpoint; null where the removal has not ended in it. */
  static resumed(original: ModelDocument, resumed: StoredState | null): RecipeProgress | null {
    const state = resumedState<RecipeState | null>(resumed)?.beside;
    if (!state || !('recipe' in state)) return null;
    const under = (name: string): Weights => weightsUnder(resumed!.arrays, `${BESIDE}${name}/`);
    return new RecipeProgress(
      original,
      state,
      under('base'),
      state.trials.map((_, number) => under(`${number}`)),
    );
  }

  /** The model that a trial has left; of null that which the stages before have. */
  documentOf(trial: number | null): ModelDocument {
    if (trial === null) return withConfig(this.original, this.state.config, this.base);
    return withConfig(this.original, this.state.trials[trial]!.config, this.trials[trial]!);
  }

  fineTuned({ weights }: ModelDocument): void {
    this.base = weights;
  }

  tried(trial: Trial, { weights }: ModelDocument): void {
    this.state.trials.push(trial);
    this.trials.push(weights);
    this.state.current = null;
  }

  kept(): StoredState {
    const named = [['base', this.base] as const, ...this.trials.map((weights, number) => [`${number}`, weights] as const)];
    const arrays = new Map<string, StoredArray>(
      named.flatMap(([name, weights]) => [...weights].map(([key, weight]): [string, StoredArray] => [`${name}/${key}`, weight])),
    );
    return { state: this.state, arrays };
  }
}

function weightsUnder(arrays: ReadonlyMap<string, StoredArray>, prefix: string): Weights {
  return new Map(
    [...arrays]
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, { shape, data }]) => [name.slice(prefix.length), { shape, data: data as Float32Array<ArrayBuffer> }]),
  );
}
