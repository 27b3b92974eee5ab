/** The place of a row, which stays its own however rows are stored: its attempt, and its number among all rows of the attempt. Written `1.17`. */
export interface Place {
  attempt: number;
  row: number;
}

/** The form of a cursor, as a JSON Schema pattern. */
export const PLACE_PATTERN = '^\\d{1,9}\\.\\d{1,15}$';

/** The place a cursor names; null when it names none. */
export function parsePlace(text: string): Place | null {
  const match = /^(\d{1,9})\.(\d{1,15})$/.exec(text);
  return match ? { attempt: Number(match[1]), row: Number(match[2]) } : null;
}

export function printPlace({ attempt, row }: Place): string {
  return `${attempt}.${row}`;
}
