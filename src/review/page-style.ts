import { CHART_STYLE, DARK, LIGHT, paletteVariables } from "../report/charts/colours.js";

/** Style rules of the page; colours are those of the reports. */
export const PAGE_STYLE = `${CHART_STYLE}
:root{color-scheme:light dark;${paletteVariables(LIGHT)}}
@media (prefers-color-scheme:dark){:root{${paletteVariables(DARK)}}}
*{box-sizing:border-box}
[hidden]{display:none!important}
body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.45 system-ui,sans-serif}
button,input,select{font:inherit;color:inherit;background:var(--paper);border:1px solid var(--rule);border-radius:6px;padding:3px 9px}
button{cursor:pointer}
button:hover:not(:disabled){border-color:var(--muted)}
button:disabled{opacity:.4;cursor:default}
:focus-visible{outline:2px solid var(--blue);outline-offset:2px}
.top{position:sticky;top:0;z-index:2;display:flex;flex-wrap:wrap;align-items:center;gap:8px 14px;padding:9px 18px;background:var(--paper);border-bottom:1px solid var(--rule)}
h1{font-size:1.05rem;margin:0;overflow:hidden;text-overflow:ellipsis;white-space:nowrap;max-width:34ch}
h2{font-size:1.05rem;margin:26px 0 6px}
h2:first-child{margin-top:0}
#search{flex:1 1 180px;min-width:120px;max-width:420px}
#progress{margin:0 0 0 auto;color:var(--muted);font-size:.88rem;font-variant-numeric:tabular-nums}
.switch{display:flex}
.switch button{border-radius:0;margin-left:-1px}
.switch button:first-child{border-radius:6px 0 0 6px;margin:0}
.switch button:last-child{border-radius:0 6px 6px 0}
[aria-pressed=true]{background:var(--ink);color:var(--paper);border-color:var(--ink)}
#show-filters{display:none}
.layout{display:grid;grid-template-columns:236px minmax(0,1fr);align-items:start}
#filters{position:sticky;top:52px;max-height:calc(100vh - 52px);overflow-y:auto;padding:14px 14px 30px 18px;border-right:1px solid var(--rule);font-size:.9rem}
#filters fieldset{border:0;margin:0 0 16px;padding:0;min-width:0}
#filters legend{font-weight:600;padding:0;margin-bottom:3px}
#filters .choice{display:flex;gap:7px;align-items:baseline;padding:1px 0;cursor:pointer}
#filters .choice input{margin:0}
#filters .choice span:first-of-type{overflow-wrap:anywhere}
#filters .choice .many{margin-left:auto;color:var(--muted);font-variant-numeric:tabular-nums}
.range{margin:0 0 8px}
.range .range-name{display:flex;justify-content:space-between;gap:6px;overflow-wrap:anywhere}
.range .ends{display:grid;grid-template-columns:1fr auto 1fr;gap:5px;align-items:center;color:var(--muted)}
.range input{width:100%;min-width:0;padding:1px 5px;font-size:.86rem;font-variant-numeric:tabular-nums}
.range.active .range-name{font-weight:600}
main{padding:12px 18px 40px;min-width:0}
.bar{display:flex;flex-wrap:wrap;align-items:center;gap:6px 14px;margin-bottom:12px}
.bar p{margin:0;font-variant-numeric:tabular-nums}
.pager{margin-left:auto;display:flex;gap:6px;align-items:center;color:var(--muted);font-variant-numeric:tabular-nums}
.pager input{color:var(--ink);text-align:right;width:4.6em}
.sort{color:var(--muted)}
.sort select{color:var(--ink);max-width:200px}
.lack{margin:0 0 10px;padding:7px 12px;background:var(--panel);border-left:3px solid var(--gold);border-radius:4px;font-size:.9rem}
#gallery{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,380px),1fr));gap:14px}
#gallery[aria-busy=true]{opacity:.55}
.empty{grid-column:1/-1;color:var(--muted);padding:40px 0;text-align:center}
.card{display:flex;flex-direction:column;background:var(--panel);border:1px solid transparent;border-radius:9px;padding:10px;min-width:0;scroll-margin:64px 0 10px}
.card:focus{outline:3px solid var(--blue);outline-offset:0}
.pair{display:grid;grid-template-columns:1fr 1fr;gap:10px}
.side{margin:0;min-width:0}
.side .picture{display:flex;align-items:center;justify-content:center;height:150px;background:var(--paper);border:1px solid var(--rule);border-radius:6px;overflow:hidden;color:var(--muted);font-size:.86rem;text-align:center;padding:0}
.side img{max-width:100%;height:100%;object-fit:contain;display:block;background:#fff}
.side .picture.broken{border-style:dashed;padding:8px}
.side figcaption{margin-top:6px;padding-left:8px;border-left:3px solid var(--blue);overflow-wrap:anywhere}
.side.rejected figcaption{border-left:3px dashed var(--orange)}
.who{display:block;color:var(--muted);font-size:.78rem;line-height:1.35}
.card .said{display:block;padding-bottom:3px;max-height:19.6em;overflow:hidden;mask-image:linear-gradient(#000 calc(100% - 1.5em),transparent);mask-size:100% 19.6em;mask-repeat:no-repeat}
.missing{color:var(--muted);font-style:italic}
mark{color:var(--ink);background:color-mix(in srgb,var(--blue) 20%,transparent);font-weight:650;border-radius:3px;padding:0 2px;text-decoration:underline solid var(--blue) 2px;text-underline-offset:3px}
.rejected mark{background:color-mix(in srgb,var(--orange) 22%,transparent);text-decoration:underline wavy var(--orange) 1.5px}
.prompt{margin:0 0 7px;color:var(--muted);font-size:.86rem;overflow-wrap:anywhere;display:-webkit-box;-webkit-line-clamp:2;-webkit-box-orient:vertical;overflow:hidden}
.facts{margin:9px 0 0;color:var(--muted);font-size:.84rem;display:flex;flex-wrap:wrap;gap:2px 10px;align-items:baseline}
.facts .id{overflow-wrap:anywhere}
.foot{margin-top:auto}
.actions{display:flex;flex-wrap:wrap;gap:5px;margin-top:8px;align-items:center}
.actions button{padding:2px 10px;font-size:.86rem}
.actions .label{color:var(--muted);font-size:.84rem;margin-left:auto}
.actions .stage{padding:2px 9px;font-variant-numeric:tabular-nums}
.actions [aria-pressed=true][data-act=accept]{background:var(--green);border-color:var(--green)}
.actions [aria-pressed=true][data-act=reject]{background:var(--absent);border-color:var(--absent)}
.actions [aria-pressed=true][data-act=stage]{background:var(--purple);border-color:var(--purple)}
.badge{font-weight:650;border-radius:4px;padding:0 6px;color:var(--paper)}
.badge.accept{background:var(--green)}
.badge.reject{background:var(--absent)}
.badge.stage{background:var(--purple)}
.badge.stale{background:none;color:var(--missed);border:1px dashed var(--missed);font-weight:500}
.card.reject .pair{opacity:.45}
.card.accept{border-color:var(--green)}
.card.reject{border-color:var(--absent)}
.card.stage{border-color:var(--purple)}
dialog{color:var(--ink);background:var(--paper);border:1px solid var(--rule);border-radius:10px;padding:18px;max-width:min(1120px,96vw);max-height:94vh;overflow-y:auto}
dialog::backdrop{background:rgb(0 0 0/.5)}
#detail{width:1120px}
#detail .head{display:flex;gap:8px;align-items:center;margin-bottom:10px}
#detail .head h2:focus{outline:none}
#detail .head h2{margin:0 auto 0 0;overflow-wrap:anywhere}
#detail .picture{height:min(46vh,460px)}
#detail .prompt{font-size:.95rem;display:block}
#detail .side figcaption{font-size:1.05rem}
#detail .facts{font-size:.9rem}
.record{border-collapse:collapse;width:100%;margin-top:14px;font-size:.88rem}
.record th,.record td{text-align:left;vertical-align:top;padding:4px 14px 4px 0;border-top:1px solid var(--rule);font-weight:400;overflow-wrap:anywhere}
.record th{color:var(--muted);white-space:nowrap;width:1%}
.record pre{margin:0;white-space:pre-wrap;font:.84rem/1.4 ui-monospace,monospace}
.keys th{text-align:left;padding:3px 18px 3px 0;font-weight:400;white-space:nowrap}
kbd{font:.86rem ui-monospace,monospace;border:1px solid var(--rule);border-bottom-width:2px;border-radius:4px;padding:0 6px;background:var(--panel)}
.note{color:var(--muted);font-size:.88rem;max-width:64ch}
#status{position:fixed;left:50%;bottom:14px;transform:translateX(-50%);margin:0;padding:6px 14px;border-radius:8px;background:var(--ink);color:var(--paper);font-size:.9rem;max-width:90vw;z-index:3}
#status:empty{display:none}
#status.error{background:var(--absent);color:var(--paper)}
.charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,300px),1fr));gap:16px 24px}
figure.plot{margin:0;min-width:0}
figure.plot figcaption{font-weight:600;overflow-wrap:anywhere}
figure.plot .note{margin:0}
.chart{display:block;width:100%;height:auto;overflow:visible;touch-action:pan-y}
.histogram{cursor:crosshair}
.histogram .whole{fill:var(--rule)}
.histogram .shown{fill:var(--blue)}
.histogram .brush{fill:var(--ink);opacity:.14}
.heat{max-width:560px}
.heat .cell{fill:var(--blue);cursor:pointer}
.heat .cell:hover{stroke:var(--ink);stroke-width:1}
.scroll{overflow-x:auto}
.matrix{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:.86rem}
.matrix th{font-weight:500;text-align:right;padding:2px 8px;vertical-align:bottom;max-width:110px;overflow-wrap:anywhere}
.matrix tbody th{white-space:nowrap;max-width:none;vertical-align:middle}
.matrix td{padding:1px}
.matrix td button{width:100%;min-width:58px;border:0;border-radius:4px;padding:4px 6px;text-align:right;font-variant-numeric:tabular-nums}
.matrix td .of-self{display:block;text-align:right;padding:4px 6px;color:var(--muted)}
.matrix .total{color:var(--muted);text-align:right;padding:2px 8px}
.axes-choice{display:flex;flex-wrap:wrap;gap:6px 14px;margin:4px 0 8px}
@media (max-width:860px){
.top{padding:8px 12px}
#show-filters{display:block}
#progress{order:9;margin:0;width:100%}
h1{max-width:20ch}
.layout{display:block}
#filters{display:none;position:static;max-height:none;border-right:0;border-bottom:1px solid var(--rule);padding:12px}
#filters.open{display:block}
main{padding:10px 12px 40px}
.side .picture{height:124px}
#detail{width:96vw;padding:12px}
#detail .picture{height:34vh}
.pager{margin-left:0}
}
@media (prefers-reduced-motion:no-preference){.card{transition:border-color .12s}}
`;
