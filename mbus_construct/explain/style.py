"""The style sheet of the page that `html` writes. Data only."""

from __future__ import annotations

from typing import Final

CSS: Final = """
:root {
  color-scheme: light dark;
  --page: #f6f7f9; --card: #ffffff; --text: #1b1f27; --dim: #626b7a; --line: #dfe3ea; --mark: #fff3c4;
  --fault: #b3261e; --fault-back: #fde9e7;
  --link: #566072; --header: #0b6b7a; --record: #1b1f27; --dib: #8a3ba8; --vib: #2456c4; --data: #1a7a3a;
  --raw: #8a6100;
  --mono: ui-monospace, "SF Mono", "Cascadia Mono", "DejaVu Sans Mono", Menlo, Consolas, monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #12151b; --card: #1a1e26; --text: #e6e9ef; --dim: #98a2b3; --line: #2d3440; --mark: #3d3616;
    --fault: #ff8a80; --fault-back: #3a1c1b;
    --link: #9aa6ba; --header: #4fc3d4; --record: #e6e9ef; --dib: #d08cf0; --vib: #86aefc; --data: #6fd08c;
    --raw: #e0b450;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-behavior: smooth; }
body {
  margin: 0 auto; padding: 1.5rem 1rem 3rem; max-width: 76rem; background: var(--page); color: var(--text);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif;
}
h1 { margin: 0; font-size: 1.5rem; line-height: 1.25; overflow-wrap: anywhere; }
h2 { margin: 0 0 .25rem; font-size: 1rem; }
.lead { margin: .25rem 0 1rem; font-size: 1.05rem; }
.dim, footer { color: var(--dim); font-size: .85rem; font-weight: 400; }
code, .hex, .at, .octets { font-family: var(--mono); font-variant-ligatures: none; }
.faults, .dump, details {
  margin: 0 0 .75rem; background: var(--card); border: 1px solid var(--line); border-radius: 10px;
}
.faults { padding: .75rem 1rem; background: var(--fault-back); border-color: var(--fault); }
.faults ul { margin: 0; padding-left: 1.2rem; }
.faults a { color: var(--fault); font-weight: 600; }
em.plain { font-style: normal; font-size: .75rem; font-weight: 600; white-space: nowrap; color: var(--dim);
  border: 1px solid var(--dim); border-radius: .6rem; padding: 0 .4rem; margin-left: .3rem; }
.fault { color: var(--fault); font-weight: 600; }
.fault::before { content: "✗ "; }
/* hex dump */
.dump { padding: .75rem 1rem; }
.line { display: flex; flex-wrap: wrap; align-items: baseline; row-gap: 3px; margin-bottom: 3px; }
.octets .at { width: 3.5rem; color: var(--dim); font-size: .8rem; }
.k { --ink: var(--link); }
.header { --ink: var(--header); } .record { --ink: var(--record); } .dib { --ink: var(--dib); }
.vib { --ink: var(--vib); } .data { --ink: var(--data); } .raw { --ink: var(--raw); }
.octets a {
  position: relative; width: 2.1rem; padding: .12rem 0; text-align: center; text-decoration: none;
  font-size: .9rem; color: var(--ink); background: color-mix(in srgb, var(--ink) 11%, transparent);
}
.octets a.odd { background: color-mix(in srgb, var(--ink) 22%, transparent); }
.octets a.first { border-radius: 5px 0 0 5px; }
.octets a.last { border-radius: 0 5px 5px 0; margin-right: 2px; width: calc(2.1rem - 2px); }
.octets a.first.last { border-radius: 5px; }
.octets a.bad { color: var(--fault); background: var(--fault-back); box-shadow: inset 0 -2px var(--fault); }
.octets a:focus-visible { outline: 2px solid var(--text); z-index: 1; }
.key { display: flex; flex-wrap: wrap; gap: .25rem 1rem; margin: .6rem 0 0; padding: 0; list-style: none;
  color: var(--dim); font-size: .85rem; }
.key i { display: inline-block; width: .8em; height: .8em; margin-right: .4em; border-radius: 3px;
  background: var(--ink); }
/* parts */
details { overflow: hidden; }
summary { padding: .55rem 1rem; cursor: pointer; border-left: 4px solid var(--ink, var(--link)); }
summary:hover { background: color-mix(in srgb, var(--text) 4%, transparent); }
summary .title { font-weight: 650; margin-right: .5rem; }
table { width: 100%; border-collapse: collapse; table-layout: fixed; border-top: 1px solid var(--line); }
thead th { padding: .3rem .6rem; text-align: left; font-size: .75rem; font-weight: 600; letter-spacing: .03em;
  text-transform: uppercase; color: var(--dim); }
thead th:nth-child(1) { width: 4.5rem; } thead th:nth-child(2) { width: 8.2rem; }
thead th:nth-child(3) { width: 13.5rem; } thead th:nth-child(4) { width: 9rem; }
thead th:nth-child(6) { width: 12rem; }
tbody { border-top: 1px solid var(--line); scroll-margin: 30vh; }
tbody:target { background: var(--mark); }
tbody td, tbody th { padding: .3rem .6rem; text-align: left; vertical-align: top; overflow-wrap: anywhere; }
tbody .at { color: var(--dim); text-align: right; font-size: .85rem; }
tbody .hex { color: var(--ink, var(--link)); font-size: .9rem; }
tbody th { color: var(--ink, var(--link)); font-weight: 600; }
.group .hex { opacity: .55; } .group .said { color: var(--dim); }
.d1 { padding-left: 1.6rem; } .d2 { padding-left: 2.6rem; } .d3 { padding-left: 3.6rem; }
.value { font-weight: 650; margin-right: .35rem; }
.clause { color: var(--dim); font-size: .8rem; }
.bit td { padding-top: 0; padding-bottom: .05rem; font-size: .87rem; line-height: 1.4; }
.bit td.d0, .bit td.d1, .bit td.d2, .bit td.d3 { color: var(--dim); }
.bit td.d0 { padding-left: 1.6rem; } .bit td.d1 { padding-left: 2.6rem; } .bit td.d2 { padding-left: 3.6rem; }
.bit td.d3 { padding-left: 4.6rem; }
tr.bit:last-child td { padding-bottom: .45rem; }
.bits { white-space: nowrap; }
.place { display: inline-block; min-width: 3.2rem; color: var(--dim); font-size: .8rem; }
.bits i { color: var(--dim); font-style: normal; opacity: .6; }
.zero .said, .zero .bits code { color: var(--dim); }
tbody.bad { background: var(--fault-back); }
footer { margin-top: 1.5rem; }
/* phones: each field a small card */
@media (max-width: 46rem) {
  body { padding: 1rem .6rem 2rem; font-size: 14px; }
  .dump { padding: .6rem; }
  .octets .at { width: 100%; font-size: .7rem; line-height: 1; }
  .octets a { width: 6.25%; font-size: .78rem; }
  .octets a.last { width: calc(6.25% - 2px); }
  summary { padding: .5rem .7rem; }
  table, tbody { display: block; }
  thead { position: absolute; clip-path: inset(50%); width: 1px; height: 1px; overflow: hidden; }
  tbody { padding: .35rem .7rem; }
  tr { display: grid; grid-template-columns: 2.2rem minmax(7rem, 9rem) 1fr; column-gap: .5rem; }
  tbody td, tbody th { padding: 0; min-width: 0; }
  .none { display: none; }
  tbody .at { grid-area: 1 / 1; text-align: left; }
  tbody .hex { grid-area: 2 / 2; }
  tr:not(.bit) > th { grid-area: 1 / 2 / 2 / 4; }
  tr:not(.bit) > .said { grid-area: 2 / 3; }
  tr:not(.bit) > .clause { grid-area: 3 / 2 / 4 / 4; }
  .d1, .d2, .d3 { padding-left: 0; }
  .bit td, .bit td.d0, .bit td.d1, .bit td.d2, .bit td.d3 { padding: 0; }
  tr.bit { grid-template-columns: 2.2rem minmax(7rem, 9rem) 7.5rem 1fr; font-size: .85rem; }
  tr.bit > td:nth-child(3) { grid-column: 2; }
  .place { min-width: 2.6rem; }
}
@media print { body { max-width: none; background: none; } details, .dump { break-inside: avoid; } }
"""
