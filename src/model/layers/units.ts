/** Rows of units along an axis that holds each of them several times. */
import type { Coupling, Units } from './layer-class.ts';

/** The units `times` times over, one after the other: gates side by side, places of a flattened image. */
export function tiled(units: Units, times: number): Units {
  const all = new Int32Array(units.length * times);
  for (let at = 0; at < all.length; at += units.length) all.set(units, at);
  return all;
}

/** Those at the same place of each of `parts` equal parts are one unit, so that every part keeps as many. */
export function tieParts(coupling: Coupling, units: Units, parts: number): void {
  const length = units.length / parts;
  for (let part = 1; part < parts; part++) coupling.tie(units.subarray(0, length), units.subarray(part * length, (part + 1) * length));
}

/** Each unit `times` times in a row. */
export function repeated(units: Units, times: number): Units {
  return Int32Array.from({ length: units.length * times }, (_, index) => units[Math.floor(index / times)]!);
}

/**
 * The units of `width` channels that are made of a sample's numbers in their order, channel fastest: a channel of the result is one unit with everything that
 * stands in it. Null where channels and places get mixed.
 */
export function reshaped(coupling: Coupling, units: Units, width: number): Units | null {
  if (width > 0 && width % units.length === 0) return tiled(units, width / units.length);
  if (width === 0 || units.length % width !== 0) return null;
  tieParts(coupling, units, units.length / width);
  return units.slice(0, width);
}
