import { worstMargin } from "../choose-examples.js";
import { signed } from "../format.js";
import { type Markup, markup } from "../markup.js";
import { pngImage } from "../png-image.js";
import { type ExamplePair, labelOf, type ReportData } from "../report-data.js";

/** Training pairs with both images and both texts, worst margins first. */
export function pairsSection(data: ReportData): Markup {
  const pairs = [...data.worstPairs].sort((a, b) => worstMargin(a) - worstMargin(b) || a.pair - b.pair);
  const [training] = data.trainings;
  const method = training?.method ?? data.after;
  const stageName = (stage: number): string =>
    training?.stages.find((trained) => trained.stage === stage)?.name ?? String(stage);
  return markup`<p class="note">Pairs of ${labelOf(data, method)} by the smaller of textual and visual margin, as it was when the pair was last trained on. Each text is true of the picture above it.</p>
<div class="cards">${pairs.map((pair) => pairCard(pair, stageName))}</div>`;
}

function pairCard(pair: ExamplePair, stageName: (stage: number) => string): Markup {
  const facts = [
    `pair ${pair.pair}`,
    pair.kind,
    ...(pair.difficulty === null ? [] : [`difficulty ${pair.difficulty.toFixed(2)}`]),
    ...(pair.stage === null ? [] : [`stage ${stageName(pair.stage)}`]),
  ];
  return markup`<div class="card pair"><div>${pngImage(pair.image, "The picture that the chosen text is true of")}<p><span class="who">chosen</span>${pair.chosen}</p></div>
<div>${pngImage(pair.rejectedImage, "The picture that the rejected text is true of")}<p><span class="who">rejected</span>${pair.rejected}</p></div>
<p class="facts">margin: textual <b>${signed(pair.textualMargin)}</b>, visual <b>${signed(pair.visualMargin)}</b> · ${facts.join(" · ")}<br>“${pair.prompt}”</p></div>
`;
}
