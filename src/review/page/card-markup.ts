import { type Markup, markup } from "../../report/markup.js";
import type { TextPiece } from "../../pairs/checking/word-difference.js";
import type { Card } from "../wire.js";
import { shortened } from "./shorten.js";

const VERDICT_NAMES = { accept: "accepted", reject: "rejected", stage: "stage" } as const;

/**
 * Images and texts of a pair; each text stands under the image that it is for.
 *
 * @param card - The pair.
 * @param isWhole - Whether long texts are shown in full.
 */
export function pairSides(card: Card, isWhole = true): Markup {
  const [chosen, rejected] = [card.chosen, card.rejected].map((text) =>
    text === null || isWhole ? text : shortened(text),
  ) as [Card["chosen"], Card["rejected"]];
  return markup`<div class="pair">${side(card, "images", "chosen", chosen)}${side(card, "rejected_images", "rejected", rejected)}</div>`;
}

function side(
  card: Card,
  column: "images" | "rejected_images",
  name: "chosen" | "rejected",
  text: readonly TextPiece[] | null,
): Markup {
  const said =
    text === null
      ? markup`<span class="missing">still to be made</span>`
      : markup`${text.map(({ text: piece, changed }) => (changed ? markup`<mark>${piece}</mark>` : markup`${piece}`))}`;
  return markup`<figure class="side ${name}">${Array.from({ length: card.images }, (_, place) => image(card, column, name, place))}<figcaption><span class="who"><b>${name}</b> · ${column === "images" ? "true above" : truthOf(card)}</span><span class="said">${said}</span></figcaption></figure>`;
}

function image({ row, images }: Card, column: string, name: string, place: number): Markup {
  const which = images === 1 ? "picture" : `picture ${place + 1} of ${images}`;
  return markup`<div class="picture"><img src="api/pictures/${row}/${column}/${place}" alt="${which} of the ${name} text" decoding="async"></div>`;
}

/** Whether the rejected text is true of the image above it, and who says so. */
function truthOf({ rejectedTrue, rejectedTrueBy }: Card): string {
  if (rejectedTrue === null) return "not known whether it is true above";
  const by = rejectedTrueBy === null ? "" : ` (${rejectedTrueBy})`;
  return `${rejectedTrue ? "true only above" : "false above too"}${by}`;
}

/** What is known of a pair, in a line. */
export function facts(card: Card): Markup {
  const { kind, detail, stage, difficulty, decision } = card;
  const kinds = [kind, detail].filter((part) => part !== null).join(" / ");
  const regraded = decision?.verdict === "stage" && !decision.stale;
  return markup`<p class="facts">${badge(card)}<span class="id">${card.id}</span>${kinds === "" ? null : markup`<span>${kinds}</span>`}${
    stage === null ? null : markup`<span>${regraded ? "graded " : ""}stage ${stage}</span>`
  }${difficulty === null ? null : markup`<span>difficulty ${difficulty.toFixed(2)}</span>`}</p>`;
}

function badge({ decision }: Card): Markup | null {
  if (decision === null) return null;
  if (decision.stale) {
    return markup`<span class="badge stale" title="Texts or pictures are others than when it was decided about">changed since it was ${decision.verdict === "stage" ? "re-graded" : VERDICT_NAMES[decision.verdict]}</span>`;
  }
  return markup`<span class="badge ${decision.verdict}">${describeDecision(decision)}</span>`;
}

/** A decision in two words. */
export function describeDecision({
  verdict,
  stage,
}: {
  verdict: keyof typeof VERDICT_NAMES;
  stage: number | null;
}): string {
  return verdict === "stage" ? `→ stage ${stage}` : `${verdict === "accept" ? "✓" : "✕"} ${VERDICT_NAMES[verdict]}`;
}

/** Buttons that decide about a pair. */
export function actions({ decision, stagesToGive }: Card): Markup {
  const pressed = (verdict: string, stage: number | null): string =>
    decision !== null && !decision.stale && decision.verdict === verdict && decision.stage === stage ? "true" : "false";
  return markup`<div class="actions"><button type="button" tabindex="-1" data-act="accept" aria-pressed="${pressed("accept", null)}">Accept</button><button type="button" tabindex="-1" data-act="reject" aria-pressed="${pressed("reject", null)}">Reject</button><span class="label">stage</span>${stagesToGive.map(
    (stage) =>
      markup`<button type="button" tabindex="-1" class="stage" data-act="stage" data-stage="${stage}" aria-label="stage ${stage}" aria-pressed="${pressed("stage", stage)}">${stage}</button>`,
  )}</div>`;
}

/** A pair in the gallery. */
export function cardMarkup(card: Card): Markup {
  const { decision, id, row } = card;
  const decided = decision === null || decision.stale ? "" : decision.verdict;
  const label = decision === null ? id : `${id}, ${decision.stale ? "changed since" : describeDecision(decision)}`;
  return markup`<article class="card ${decided}" role="listitem" tabindex="-1" data-row="${row}" aria-label="${label}"><p class="prompt">${card.prompt}</p>${pairSides(card, false)}<div class="foot">${facts(card)}${actions(card)}</div></article>`;
}
