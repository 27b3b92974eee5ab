/** The page's one style sheet. Colours are variables, in which charts are drawn as well, so that both follow the reader's scheme. */
export const STYLE = `
:root { color-scheme: light dark; --paper: #ffffff; --ink: #1a1d21; --muted: #565d66; --line: #d4d8dd; --soft: #f3f5f7; --good: #17663a; --bad: #a3241c; --open: #7a5200;
  --c1: #1f5fbf; --c2: #b8480e; --c3: #1d7a48; --c4: #7d3fb2; }
@media (prefers-color-scheme: dark) { :root { --paper: #14171a; --ink: #e9ecef; --muted: #a8b0b9; --line: #3a4149; --soft: #1e2327; --good: #6fd699; --bad: #ff9d94; --open: #f0c060;
  --c1: #7fb0ff; --c2: #ffa36b; --c3: #6fd699; --c4: #cfa3ff; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 62rem; padding: 1.5rem 1.25rem 4rem; background: var(--paper); color: var(--ink); font: 1rem/1.55 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0 0 .25rem; overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; margin: 2.5rem 0 .75rem; padding-bottom: .25rem; border-bottom: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.5rem 0 .5rem; }
p { margin: .5rem 0; max-width: 46rem; overflow-wrap: anywhere; }
.status { color: var(--muted); margin-bottom: 1rem; }
.story { font-size: 1.05rem; }
.unproven { border-left: 4px solid var(--open); background: var(--soft); padding: .6rem 1rem; margin: 1rem 0; max-width: 46rem; }
.unproven h2 { border: 0; margin: 0; padding: 0; font-size: 1rem; }
ul { margin: .4rem 0; padding-left: 1.3rem; max-width: 46rem; overflow-wrap: anywhere; }
.note, figcaption { color: var(--muted); font-size: .9rem; }
.table { overflow-x: auto; margin: .75rem 0 1.25rem; }
.drawing { overflow-x: auto; }
.table:focus-visible, .drawing:focus-visible { outline: 2px solid var(--c1); outline-offset: 2px; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .92rem; }
caption { text-align: left; color: var(--muted); font-size: .9rem; padding-bottom: .3rem; }
caption span { display: inline-block; position: sticky; left: 0; max-width: min(46rem, 100vw - 2.5rem); }
th, td { text-align: left; font-weight: normal; padding: .28rem .9rem .28rem 0; border-bottom: 1px solid var(--line); vertical-align: top; overflow-wrap: break-word; }
thead th { font-weight: 600; border-bottom: 2px solid var(--line); }
.number { text-align: right; white-space: nowrap; }
thead .number { white-space: normal; vertical-align: bottom; }
.good { color: var(--good); font-weight: 600; }
.bad { color: var(--bad); font-weight: 600; }
.open { color: var(--open); font-weight: 600; }
figure { margin: 1rem 0 1.75rem; }
img.sample { display: block; image-rendering: pixelated; border: 1px solid var(--line); }
svg.chart { display: block; width: 100%; min-width: 44rem; height: auto; }
pre { background: var(--soft); padding: .8rem; overflow-x: auto; font-size: .82rem; line-height: 1.4; white-space: pre-wrap; overflow-wrap: anywhere; }
code { font-size: .92em; }
summary { cursor: pointer; }
footer { margin-top: 3rem; color: var(--muted); font-size: .9rem; overflow-wrap: anywhere; }
@media print { :root { color-scheme: light; --paper: #fff; --ink: #000; --muted: #444; --line: #bbb; --soft: #f5f5f5; --good: #17663a; --bad: #a3241c; --open: #7a5200; --c1: #1f5fbf; --c2: #b8480e; --c3: #1d7a48; --c4: #7d3fb2; }
  html { font-size: 12px; } body { max-width: none; padding: 0; } figure, tr, .unproven { break-inside: avoid; } h2, h3 { break-after: avoid; } .table, .drawing { overflow: visible; } svg.chart { min-width: 0; } }
`;
