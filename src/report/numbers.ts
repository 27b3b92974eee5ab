/** Numbers as a reader wants them. Each takes null and undefined, which older results may have, for a dash. */

type Maybe = number | null | undefined;

const NONE = '–';

/** With commas between thousands. */
export function count(value: Maybe): string {
  return isNumber(value) ? Math.round(value).toLocaleString('en') : NONE;
}

/** A fraction as per cent. */
export function percent(value: Maybe, digits = 1): string {
  return isNumber(value) ? `${(value * 100).toFixed(digits)} %` : NONE;
}

/** A difference of fractions in percentage points, with its sign. */
export function points(value: Maybe): string {
  return isNumber(value) ? `${value > 0 ? '+' : value < 0 ? '−' : ''}${Math.abs(value * 100).toFixed(2)} points` : NONE;
}

/** To so many significant digits. */
export function significant(value: Maybe, digits = 4): string {
  if (!isNumber(value)) return NONE;
  if (value === 0) return '0';
  const magnitude = Math.abs(value);
  if (magnitude >= 1e-4 && magnitude < 1e6) return `${Number(value.toPrecision(digits))}`.replace('-', '−');
  return value.toExponential(digits - 1).replace('-', '−');
}

export function bytes(value: Maybe): string {
  if (!isNumber(value)) return NONE;
  if (value < 10_000) return `${count(value)} B`;
  return value < 10_000_000 ? `${(value / 1000).toFixed(1)} kB` : `${(value / 1e6).toFixed(1)} MB`;
}

/** Seconds as people say them. */
export function duration(seconds: Maybe): string {
  if (!isNumber(seconds)) return NONE;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60
    ? `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`
    : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** `low to high`, by the way its ends are printed; a dash where the data do not bound it. */
export function range(interval: { low: Maybe; high: Maybe } | null | undefined, print: (value: Maybe) => string): string {
  return isNumber(interval?.low) && isNumber(interval?.high) ? `${print(interval.low)} to ${print(interval.high)}` : NONE;
}

/** An RFC 3339 instant to the second. */
export function instant(text: string | null): string {
  return text === null ? NONE : `${text.slice(0, 10)} ${text.slice(11, 19)} UTC`;
}

export function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}
