import { type Markup, markup } from "../report/markup.js";
import { PAGE_MODULE } from "./page-files.js";

/** Where the style rules are served. */
export const PAGE_STYLE_PATH = "style.css";

const KEYS: readonly (readonly [keys: string, meaning: string])[] = [
  ["j, →", "next pair"],
  ["k, ←", "previous pair"],
  ["↓, ↑", "pair below, above"],
  ["n, p", "next page, previous page"],
  ["a", "accept the pair and move on"],
  ["r", "reject the pair and move on"],
  ["0 to 9", "give the pair this stage and move on"],
  ["u", "undo the last decision"],
  ["c", "clear the pair's decision"],
  ["Enter", "the pair's whole record"],
  ["f", "figures or gallery"],
  ["/", "search"],
  ["Esc", "close, or leave the search"],
  ["?", "these keys"],
];

function keyRow([keys, meaning]: readonly [string, string]): Markup {
  const parts = keys.split(", ").map((key, at) => markup`${at > 0 ? " " : ""}<kbd>${key}</kbd>`);
  return markup`<tr><th scope="row">${parts}</th><td>${meaning}</td></tr>`;
}

/** The page before its modules have run; what it shows comes from the questions that they ask. */
export const PAGE = markup`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>Pairs</title>
<link rel="icon" href="data:,"><link rel="stylesheet" href="${PAGE_STYLE_PATH}"></head>
<body>
<header class="top"><h1 id="name">Pairs</h1>
<input id="search" type="search" placeholder="Search texts and ids" aria-label="Search texts and ids" autocomplete="off" spellcheck="false">
<div class="switch" role="group" aria-label="What is shown"><button type="button" id="show-gallery" aria-pressed="true">Gallery</button><button type="button" id="show-figures" aria-pressed="false">Figures</button></div>
<button type="button" id="show-filters" aria-expanded="false" aria-controls="filters">Filters</button>
<p id="progress"></p>
<button type="button" id="show-help" aria-label="Keys">?</button></header>
<div class="layout"><aside id="filters" aria-label="Filters"></aside>
<main><div id="lacks"></div>
<div class="bar"><p id="count" aria-live="polite"></p><button type="button" id="clear-filters" hidden>Show all</button>
<label class="sort" id="sorting">Order <select id="sort"></select></label>
<nav class="pager" id="pager" aria-label="Pages"><button type="button" id="previous-page" aria-label="Previous page">‹</button><label>Page <input id="page" inputmode="numeric" size="5"></label><span id="pages"></span><button type="button" id="next-page" aria-label="Next page">›</button></nav></div>
<section id="gallery" role="list" aria-label="Pairs"></section>
<section id="figures" aria-label="Figures" hidden></section></main></div>
<p id="status" role="status"></p>
<dialog id="detail" aria-labelledby="detail-title"></dialog>
<dialog id="help" aria-labelledby="help-title"><h2 id="help-title">Keys</h2><table class="keys"><tbody>${KEYS.map(keyRow)}</tbody></table>
<p class="note">A decision is saved at once. Accepting or rejecting is about the pair as training data: reject it where the chosen text is not true of its picture, or the rejected text is.</p><form method="dialog"><button>Close</button></form></dialog>
<noscript><p>This page needs JavaScript.</p></noscript>
<script type="module" src="${PAGE_MODULE}"></script>
</body></html>
`.text;
