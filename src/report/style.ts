import { CHART_STYLE, DARK, LIGHT, paletteVariables } from "./charts/colours.js";

/** Style rules of bar panels. */
export const BAR_STYLE = [
  ".bar{opacity:.85}",
  ".whisker{fill:none;stroke:var(--ink);stroke-width:1.5}",
  ".range{fill:var(--muted);font-weight:400}",
].join("");

const PAGE_STYLE = `
:root{color-scheme:light dark;${paletteVariables(LIGHT)}}
@media (prefers-color-scheme:dark){:root{${paletteVariables(DARK)}}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
main,header{max-width:1160px;margin:0 auto;padding:0 20px}
header{padding-top:32px}
h1{font-size:1.9rem;line-height:1.2;margin:0 0 8px}
h2{font-size:1.35rem;margin:56px 0 6px;padding-top:12px;border-top:1px solid var(--rule)}
h3{font-size:1.05rem;margin:28px 0 8px}
p{margin:6px 0;max-width:78ch}
a{color:var(--blue)}
nav{display:flex;flex-wrap:wrap;gap:4px 16px;margin:14px 0 0;font-size:.92rem}
.lead{font-size:1.12rem;margin:22px 0 10px}
.note,.legend{color:var(--muted);font-size:.86rem;margin:4px 0}
.legend{display:flex;flex-wrap:wrap;gap:2px 16px}
.legend span{white-space:nowrap}
.legend svg{vertical-align:middle}
.columns{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,430px),1fr));gap:20px 28px}
figure{margin:14px 0;min-width:0}
figcaption{font-weight:600}
.chart{display:block;width:100%;height:auto;margin-top:4px}
.columns figure{margin:4px 0}
.narrow{display:none}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}
.scroll{overflow-x:auto}
.figures{width:100%;margin:16px 0 4px}
.figures th,.figures td{padding:7px 10px;border-bottom:1px solid var(--rule);text-align:right;vertical-align:top}
.figures th:first-child{text-align:left}
.figures thead th{font-size:.86rem;vertical-align:bottom;border-bottom:2px solid var(--rule)}
.figures tbody th{font-weight:500}
.figures small{display:block;color:var(--muted);font-size:.78rem;white-space:nowrap;font-weight:400}
.figures strong{text-decoration:underline;text-underline-offset:3px;text-decoration-thickness:2px}
.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,340px),1fr));gap:14px}
.card{background:var(--panel);border-radius:8px;padding:12px;min-width:0}
.scene{display:grid;grid-template-columns:128px 1fr;gap:12px;align-items:start}
.card img{width:128px;height:128px;border-radius:6px;display:block;image-rendering:auto}
.card p{margin:0 0 6px;font-size:.94rem;overflow-wrap:anywhere}
.who{display:block;color:var(--muted);font-size:.76rem;line-height:1.3}
mark.absent{background:var(--absentpaper);color:var(--absent);font-weight:600;text-decoration:underline wavy;text-underline-offset:3px;border-radius:3px;padding:0 2px}
.missed{color:var(--missed);border:1px dashed var(--missed);border-radius:3px;padding:0 4px;font-size:.84rem;white-space:nowrap}
.pair{display:grid;grid-template-columns:1fr 1fr;gap:8px 12px}
.pair .facts{grid-column:1/-1;color:var(--muted);font-size:.84rem;margin:0}
.pair .facts b{color:var(--ink)}
.facts-table th,.facts-table td{text-align:left;padding:4px 16px 4px 0;vertical-align:top;font-weight:400;overflow-wrap:anywhere}
.facts-table th{color:var(--muted);white-space:nowrap}
pre,code{font:.86rem/1.45 ui-monospace,monospace}
pre{background:var(--panel);border-radius:8px;padding:12px;overflow-x:auto}
details{margin:16px 0}
summary{cursor:pointer;font-weight:600}
footer{height:56px}
@media (max-width:640px){
body{font-size:15px}
main,header{padding-left:14px;padding-right:14px}
h1{font-size:1.5rem}
.wide{display:none}
.narrow{display:block}
.figures{font-size:.86rem}
.figures th,.figures td{padding:6px 4px}
.figures thead th{font-size:.74rem}
.figures small{font-size:.66rem}
.scores tr{display:grid;grid-template-columns:repeat(5,1fr)}
.scores thead th:first-child{display:none}
.scores tbody th{grid-column:1/-1;border:0;padding-bottom:0}
.scene{grid-template-columns:104px 1fr}
.scene img{width:104px;height:104px}
.facts-table th{white-space:normal}
}
@media print{nav{display:none}details::details-content{content-visibility:visible}}
`;

/** All style rules of the page. */
export const STYLE = CHART_STYLE + BAR_STYLE + PAGE_STYLE;
