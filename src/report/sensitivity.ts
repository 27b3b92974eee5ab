/** What a job of the type `sensitivity` says of its model. */
import type { Sensitivities, Sensitivity, TriedStructure } from '../jobs/spec/index.ts';

export interface SensitivityLevel {
  /** The fraction of the group's units, or the kernel's weights, that was cut. */
  removed: number;
  loss: number;
  /** Null where the model decides nothing. */
  accuracy: number | null;
}

export interface GroupSensitivity {
  /** The group's key, or the kernel's. */
  name: string;
  /** Whose units go together, or whose kernel it is. */
  layers: string[];
  /** Units or weights. */
  count: number;
  /** Ascending in `removed`. */
  levels: SensitivityLevel[];
  /** At which fraction removed the accuracy has fallen by so much; null where it never does at the ratios that were tried. */
  falls: { accuracy_drop: number; removed: number | null }[];
}

export interface SensitivityReport {
  /** Of the untouched model. */
  loss: number;
  accuracy: number | null;
  structures: { structure: TriedStructure; groups: GroupSensitivity[] }[];
}

/** The report of what was measured on the same samples under one structure after the other, of which there is one at least. */
export function sensitivityReport(
  measured: readonly { structure: TriedStructure; measured: Sensitivities }[],
  drops: readonly number[],
): SensitivityReport {
  const whole = measured[0]!.measured;
  return {
    loss: whole.loss,
    accuracy: whole.accuracy,
    structures: measured.map(({ structure, measured: { loss, accuracy: original, groups } }) => ({
      structure,
      groups: groups.map(({ name, layers, count, levels }) => ({
        name,
        layers,
        count,
        levels: levels.map(({ removed, rise, accuracy }) => ({ removed, loss: loss + rise, accuracy })),
        falls: original === null ? [] : drops.map((drop) => ({ accuracy_drop: drop, removed: fallsAt({ levels }, original, drop) })),
      })),
    })),
  };
}

/**
 * The fraction removed at which the accuracy first is `drop` (0 to 1) below that of the whole model, `whole`: on the line between the two levels around it;
 * null where it does not fall so far, or there is no accuracy.
 */
export function fallsAt({ levels }: Pick<Sensitivity, 'levels'>, whole: number | null, drop: number): number | null {
  if (whole === null) return null;
  const limit = whole - drop;
  let [from, before] = [0, whole];
  for (const { removed, accuracy } of levels) {
    if (accuracy === null) return null;
    // Accuracies are fractions of whole decisions: what is a rounding error below the limit is at it.
    if (accuracy <= limit + 1e-12) return before > accuracy ? from + ((removed - from) * (before - limit)) / (before - accuracy) : removed;
    [from, before] = [removed, accuracy];
  }
  return null;
}
