/** What of a job's series a caller asks for. */
import Type from 'typebox';
import { SERIES } from '../jobs/progress.ts';
import { choice } from '../schema.ts';

/** `series` is said to be `left out` where it is not given. */
export const seriesSelection = (leftOut: string) => ({
  series: Type.Optional(choice([...SERIES], { description: `Only this one. Left out: ${leftOut}.` })),
  columns: Type.Optional(
    Type.String({ minLength: 1, description: 'Names of values, with commas between them: only these. Left out, all that a row has.' }),
  ),
});
