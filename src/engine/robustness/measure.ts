/** Both models on the same corrupted and attacked images of the test split, batch by batch. */
import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import type { Dataset } from '../../dataset/batches.ts';
import type { Robustness } from '../../jobs/spec/index.ts';
import { accuracy, meanCorrupted, type PairedHits, pairedAccuracy, type RobustnessChecks } from '../../report/checks/robustness.ts';
import { scope } from '../scope.ts';
import type { AttackedModel } from './attacked-model.ts';
import { attack, flatGradients } from './attacks.ts';
import { amountOf, corrupt, SEVERITIES } from './corruptions.ts';
import { decisionsOf } from './decisions.ts';
import { type ImageBatch, imageBatches } from './image-batches.ts';
import type { PixelScale } from './pixels.ts';

export interface AttackedPair {
  original: AttackedModel;
  result: AttackedModel;
}

export interface MeasuredImages {
  data: Dataset;
  scale: PixelScale;
  /** Places of the test split. */
  places: Uint32Array;
  /** Of the whole split. */
  labels: Int32Array;
  batch: number;
  /** Called between runs; may throw. */
  goesOn(): void;
}

const SIDES = ['original', 'result'] as const;

/** `options` is resolved. Whose seed is the same draws the same. */
export function measureRobustness(models: AttackedPair, images: MeasuredImages, options: Robustness, seed: number): RobustnessChecks {
  const { scale, places, labels, batch, goesOn } = images;
  const { form } = scale;
  const inputs = places.length;
  const found = new Map<string, PairedHits>();
  const hitsOf = (name: string): PairedHits => {
    const known = found.get(name) ?? { original: new Uint8Array(inputs), result: new Uint8Array(inputs) };
    found.set(name, known);
    return known;
  };
  const judge = (name: string, pixels: Tensor, { start, count }: ImageBatch): void => {
    const hits = hitsOf(name);
    for (const side of SIDES) {
      const decided = decisionsOf(models[side].logits(pixels), batch);
      for (let at = 0; at < count; at++) hits[side][start + at] = decided[at] === labels[places[start + at]!] ? 1 : 0;
    }
    goesOn();
  };
  const epsilons = options.attacks.length === 0 ? [] : options.epsilons!;
  const amounts = options.corruptions.flatMap((kind) =>
    SEVERITIES.map((severity) => ({ kind, severity, amount: amountOf(kind, severity, Math.min(form.height, form.width)) })),
  );
  const attacks = options.attacks.flatMap((kind) => epsilons.map((epsilon) => ({ kind, epsilon })));
  const flat = { original: 0, result: 0 };
  for (const part of imageBatches(images.data, scale, places, labels, batch)) {
    const number = part.start / batch;
    judge('clean', part.pixels, part);
    for (const { kind, severity, amount } of amounts) {
      const worse = scope(() => corrupt(kind, amount, part.pixels, { seed, batch: number }));
      judge(`${kind} ${severity}`, worse, part);
      worse.dispose();
    }
    for (const side of SIDES) {
      if (attacks.length > 0) {
        const none = flatGradients(models[side], part.pixels, part.labels);
        for (let at = 0; at < part.count; at++) flat[side] += none[at]!;
      }
      for (const { kind, epsilon } of attacks) {
        const moved = attack(kind, models[side], part.pixels, part.labels, {
          epsilon,
          steps: options.pgd_steps,
          seed,
          batch: number,
          goesOn,
        });
        judge(`${kind} ${epsilon} ${side}`, moved, part);
        moved.dispose();
      }
    }
  }
  const corruptions = amounts.map((amount) => ({ ...amount, ...pairedAccuracy(hitsOf(`${amount.kind} ${amount.severity}`)) }));
  return {
    inputs,
    image: { height: form.height, width: form.width, channels: form.channels },
    clean: pairedAccuracy(hitsOf('clean')),
    corruptions,
    corrupted: meanCorrupted(corruptions),
    attacks: attacks.map(({ kind, epsilon }) => {
      const [original, result] = SIDES.map((side) => hitsOf(`${kind} ${epsilon} ${side}`)) as [PairedHits, PairedHits];
      return {
        attack: kind,
        epsilon,
        ...pairedAccuracy({ original: original.original, result: result.result }),
        transferred: { to_original: accuracy(result.original), to_result: accuracy(original.result) },
      };
    }),
    no_gradient: attacks.length === 0 ? null : { original: flat.original / inputs, result: flat.result / inputs },
  };
}
