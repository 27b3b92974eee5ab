/**
 * Binary arithmetic coding of bits whose probabilities both sides know. Numbers are unsigned 32-bit integers throughout, so that every decoder gives the
 * same bits (docs/esp.md).
 */

/** Takes what it codes where it encodes, and gives it where it decodes. */
export interface BitCoder {
  /** One bit, with the probability of a 1 in units of 2⁻¹⁶, from 1 to 65,535. */
  code(probability: number, bit: number): number;
  /** A number of `count` bits, up to 16, all of them as likely as not. */
  codeEven(count: number, value: number): number;
}

export class BitEncoder implements BitCoder {
  private low = 0;
  private high = 0xffffffff;
  private bytes: Uint8Array<ArrayBuffer> = new Uint8Array(1024);
  private length = 0;

  code(probability: number, bit: number): number {
    const middle = this.low + splitOf(this.low, this.high, probability);
    if (bit) this.high = middle;
    else this.low = middle + 1;
    this.shift();
    return bit;
  }

  codeEven(count: number, value: number): number {
    if (this.high - this.low < WIDE) return bitByBit(this, count, value);
    const part = Math.floor((this.high - this.low + 1) / 2 ** count);
    this.low += part * value;
    this.high = this.low + part - 1;
    this.shift();
    return value;
  }

  private shift(): void {
    while (((this.low ^ this.high) & 0xff000000) === 0) {
      this.push(this.high >>> 24);
      this.low = (this.low << 8) >>> 0;
      this.high = ((this.high << 8) | 0xff) >>> 0;
    }
  }

  /** Ends the code: as few bytes as tell it apart, whatever is read behind them. */
  finish(): Uint8Array<ArrayBuffer> {
    // What is missing is read as zeros: the shortest number within the interval whose further bytes are zero.
    for (let kept = 0; kept <= 4; kept++) {
      const unit = 2 ** (32 - 8 * kept);
      const value = Math.ceil(this.low / unit) * unit;
      if (value <= this.high) {
        for (let byte = 0; byte < kept; byte++) this.push(Math.floor(value / 2 ** (24 - 8 * byte)) & 0xff);
        break;
      }
    }
    let { length } = this;
    while (length > 0 && this.bytes[length - 1] === 0) length--;
    return this.bytes.slice(0, length);
  }

  private push(byte: number): void {
    if (this.length === this.bytes.length) {
      const larger = new Uint8Array(2 * this.length);
      larger.set(this.bytes);
      this.bytes = larger;
    }
    this.bytes[this.length++] = byte;
  }
}

export class BitDecoder implements BitCoder {
  private low = 0;
  private high = 0xffffffff;
  private value = 0;
  private at = 0;
  private readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    for (let byte = 0; byte < 4; byte++) this.value = ((this.value << 8) | this.next()) >>> 0;
  }

  code(probability: number): number {
    const middle = this.low + splitOf(this.low, this.high, probability);
    const bit = this.value <= middle ? 1 : 0;
    if (bit) this.high = middle;
    else this.low = middle + 1;
    this.shift();
    return bit;
  }

  codeEven(count: number): number {
    if (this.high - this.low < WIDE) return bitByBit(this, count, 0);
    const part = Math.floor((this.high - this.low + 1) / 2 ** count);
    const value = Math.min(2 ** count - 1, Math.floor((this.value - this.low) / part));
    this.low += part * value;
    this.high = this.low + part - 1;
    this.shift();
    return value;
  }

  private shift(): void {
    while (((this.low ^ this.high) & 0xff000000) === 0) {
      this.low = (this.low << 8) >>> 0;
      this.high = ((this.high << 8) | 0xff) >>> 0;
      this.value = ((this.value << 8) | this.next()) >>> 0;
    }
  }

  private next(): number {
    return this.at < this.bytes.length ? this.bytes[this.at++]! : 0;
  }
}

/** How much of the interval a 1 takes, less one: below the whole of it, and never less than nothing. */
function splitOf(low: number, high: number, probability: number): number {
  const range = high - low;
  return Math.floor(range / 65536) * probability + Math.floor(((range % 65536) * probability) / 65536);
}

/** A bit of which nothing is known. */
export const EVEN = 32768;

/** From here on an interval has room for sixteen bits at once; a narrower one takes them one by one. */
const WIDE = 2 ** 24;

function bitByBit(coder: BitCoder, count: number, value: number): number {
  let made = 0;
  for (let bit = count - 1; bit >= 0; bit--) made = made * 2 + coder.code(EVEN, (value >>> bit) & 1);
  return made;
}

/** Codes the lowest `count` bits of a number, the highest first; up to 32. */
export function codeBits(coder: BitCoder, count: number, value: number): number {
  if (count <= 16) return coder.codeEven(count, value);
  const high = coder.codeEven(count - 16, Math.floor(value / 65536));
  return high * 65536 + coder.codeEven(16, value % 65536);
}

/** Codes a whole number from 0 on by Elias' gamma code of the number above it. */
export function codeCount(coder: BitCoder, value: number, largest: number): number {
  const above = value + 1;
  let digits = 0;
  while (2 ** (digits + 1) <= above) digits++;
  let coded = 0;
  while (coder.code(EVEN, coded < digits ? 1 : 0)) {
    coded++;
    if (2 ** coded > largest + 1) throw new RangeError(`A count is above ${largest}`);
  }
  const made = 2 ** coded + codeBits(coder, coded, above - 2 ** digits) - 1;
  if (made > largest) throw new RangeError(`A count is above ${largest}`);
  return made;
}
