import { COLUMNS, hasValue, type Sample } from './curves.ts';
import { measured, whole, words } from './format.ts';

const MOST = 200;

/** What the curves show of evaluations, as numbers: for those who do not see curves, and for copying. */
export function Epochs({ samples }: { samples: readonly Sample[] }) {
  const columns = COLUMNS.filter((column) => hasValue([samples], column));
  if (columns.length === 0) return null;
  const shown = samples.slice(-MOST);
  return (
    <details>
      <summary>Numbers by epoch</summary>
      <div class="table">
        <table>
          <caption>
            After each evaluation{shown.length < samples.length && `, the last ${whole(MOST)}`}. <code>/metrics</code> of the API has all as
            CSV.
          </caption>
          <thead>
            <tr>
              <th scope="col" class="number">
                step
              </th>
              {columns.map((column) => (
                <th key={column} scope="col" class="number">
                  {words(column)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {shown.map(({ step, values }) => (
              <tr key={step}>
                <th scope="row" class="number">
                  {whole(step)}
                </th>
                {columns.map((column) => (
                  <td key={column} class="number">
                    {measured(values[column])}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}
