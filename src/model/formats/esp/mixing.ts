/**
 * Probabilities of bits from what came before, in whole numbers only: counters by context, whose logits are mixed by weights that learn (logistic mixing,
 * Mahoney 2005). Divisions round down, also below zero.
 */

/** squash(128·(i - 22)) in units of 2⁻¹⁶, i from 0 to 44: 65536 / (1 + e^(-d/256)), kept within 1 and 65535. Between them it is linear. */
const SQUASH = [
  1, 2, 3, 5, 8, 13, 22, 36, 60, 98, 162, 267, 439, 720, 1179, 1921, 3108, 4971, 7812, 11955, 17625, 24743, 32768, 40793, 47911, 53581,
  57724, 60565, 62428, 63615, 64357, 64816, 65097, 65269, 65374, 65438, 65476, 65500, 65514, 65523, 65528, 65531, 65533, 65534, 65535,
];
const LARGEST_LOGIT = 2815;

/** The probability, in units of 2⁻¹⁶, of a logit in units of 1/256. */
export function squash(logit: number): number {
  const d = Math.min(LARGEST_LOGIT, Math.max(-LARGEST_LOGIT, logit)) + 2816;
  const place = d >> 7;
  const rest = d & 127;
  return SQUASH[place]! + (((SQUASH[place + 1]! - SQUASH[place]!) * rest) >> 7);
}

/** By probability: the lowest logit that has it or more. */
const STRETCH = new Int16Array(65536);
{
  let probability = 0;
  for (let logit = -LARGEST_LOGIT; logit <= LARGEST_LOGIT; logit++) {
    const reached = squash(logit);
    while (probability <= reached) STRETCH[probability++] = logit;
  }
  while (probability < 65536) STRETCH[probability++] = LARGEST_LOGIT;
}

/** How far a counter moves: 65536 / (n + 1.5), n the bits that it has seen. */
const LIMIT = 255;
const RATES = Int32Array.from({ length: LIMIT + 1 }, (_, seen) => Math.floor(131072 / (2 * seen + 3)));
/** How much a counter's logit counts in the mix, in units of 1/256: little while it has seen little. */
const TRUST = Int32Array.from({ length: LIMIT + 1 }, (_, seen) => Math.floor((256 * (2 * seen + 1)) / (2 * seen + 4)));
/** A weight of a mix is in units of 2⁻¹⁶; it moves by logit times error, shifted down by this. */
const LEARNING_SHIFT = 16;
const LARGEST_WEIGHT = 2 ** 23;

/** Predicts bits by several contexts at once. Each context is a number below the size that was declared for it. */
export class Predictor {
  private readonly offsets: Int32Array;
  private readonly probabilities: Uint16Array;
  private readonly seen: Uint8Array;
  private readonly weights: Int32Array;
  private readonly logits: Int32Array;
  private readonly slots: Int32Array;
  private readonly inputs: number;
  private from = 0;
  private made = 0;

  constructor(sizes: readonly number[], sets: number) {
    this.inputs = sizes.length;
    this.offsets = new Int32Array(sizes.length);
    let total = 0;
    for (const [index, size] of sizes.entries()) {
      this.offsets[index] = total;
      total += size;
    }
    this.probabilities = new Uint16Array(total).fill(32768);
    this.seen = new Uint8Array(total);
    this.logits = new Int32Array(sizes.length);
    this.slots = new Int32Array(sizes.length);
    this.weights = new Int32Array(sizes.length * sets).fill(Math.floor(65536 / sizes.length));
  }

  /** The probability of a 1 under these contexts, from 1 to 65,535. `set` chooses the weights of the mix. */
  predict(contexts: ArrayLike<number>, set: number): number {
    const { inputs, offsets, probabilities, seen, logits, slots, weights } = this;
    this.from = set * inputs;
    let sum = 0;
    for (let input = 0; input < inputs; input++) {
      const slot = offsets[input]! + contexts[input]!;
      slots[input] = slot;
      const logit = (STRETCH[probabilities[slot]!]! * TRUST[seen[slot]!]!) >> 8;
      logits[input] = logit;
      sum += weights[this.from + input]! * logit;
    }
    this.made = squash(Math.floor(sum / 65536));
    return this.made;
  }

  /** Learns the bit that was predicted last. */
  update(bit: number): void {
    const { inputs, probabilities, seen, logits, slots, weights, from } = this;
    const error = (bit ? 65535 : 0) - this.made;
    for (let input = 0; input < inputs; input++) {
      const weight = weights[from + input]! + ((logits[input]! * error) >> LEARNING_SHIFT);
      weights[from + input] = Math.min(LARGEST_WEIGHT, Math.max(-LARGEST_WEIGHT, weight));
      const slot = slots[input]!;
      const count = seen[slot]!;
      const was = probabilities[slot]!;
      const now = was + Math.floor((((bit ? 65535 : 0) - was) * RATES[count]!) / 65536);
      probabilities[slot] = Math.min(65535, Math.max(1, now));
      if (count < LIMIT) seen[slot] = count + 1;
    }
  }
}
