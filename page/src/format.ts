/** How values are written. */
const TIME = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
const WHOLE = new Intl.NumberFormat();

export function time(instant: string | null): string {
  return instant === null ? '–' : TIME.format(new Date(instant));
}

export function percent(fraction: number): string {
  return `${Math.floor(fraction * 100)} %`;
}

export function whole(value: number): string {
  return WHOLE.format(value);
}

export function bytes(value: number): string {
  if (value < 1024) return `${value} B`;
  return value < 1024 ** 2 ? `${(value / 1024).toFixed(1)} KiB` : `${(value / 1024 ** 2).toFixed(1)} MiB`;
}

/** A measured value in as many digits as tell it from its neighbours. */
export function measured(value: number | null | undefined): string {
  return value === null || value === undefined ? '–' : String(Number(value.toPrecision(4)));
}

/** A field's name as words: `max_runtime_s` is "max runtime s". */
export function words(name: string): string {
  return name.replaceAll('_', ' ');
}
