/** Tables whose heads say what they are heads of. */
import { type Content, type Html, html } from './html.ts';

export interface TableParts {
  caption: string;
  head: readonly Content[];
  /** The first cell of each is the row's head. */
  rows: readonly (readonly Content[])[];
  /** Rows beyond which it says how many are left out. */
  most?: number;
  /** Columns of text rather than numbers, by place; the first is always one. */
  texts?: readonly number[];
}

const MOST_ROWS = 300;

export function table({ caption, head, rows, most = MOST_ROWS, texts = [] }: TableParts): Html {
  const shown = rows.slice(0, most);
  const left = rows.length - shown.length;
  const kind = (place: number) => (place === 0 || texts.includes(place) ? html`` : html` class="number"`);
  return html`<div class="table" tabindex="0" role="region" aria-label="${caption}"><table>
<caption><span>${caption}</span></caption>
<thead><tr>${head.map((cell, place) => html`<th scope="col"${kind(place)}>${cell}</th>`)}</tr></thead>
<tbody>
${shown.map(([first = null, ...cells]) => html`<tr><th scope="row">${first}</th>${cells.map((cell, place) => html`<td${kind(place + 1)}>${cell}</td>`)}</tr>\n`)}</tbody>
</table></div>
${left > 0 ? html`<p class="note">${left} more are in the JSON of this report.</p>` : null}`;
}
