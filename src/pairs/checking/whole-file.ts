import type { BlindGuess } from "./blind-guess.js";
import type { Findings } from "./findings.js";
import { type TextBias, wilsonInterval } from "./text-bias.js";

/** A guess is worth telling when it is right this much oftener than a coin. */
export const TELLING_ACCURACY = 0.6;

/** Texts that differ in the same third this often differ in one place; a third of them would by chance. */
const ONE_PLACE = 0.8;

/** What is known of a file as a whole. */
export interface Whole {
  readonly textBias: TextBias;
  readonly blindGuess: BlindGuess;
  readonly kinds: ReadonlyMap<string, number>;
  readonly stages: ReadonlyMap<string, number>;
  readonly rows: number;
}

/** Tells what would let a model learn something else than to look. */
export function tellWhole(findings: Findings, { textBias, blindGuess, kinds, stages, rows }: Whole): void {
  const { extraWords, extraWordsInterval: interval, chosenLonger } = textBias;
  if (extraWords !== null && interval !== null && Math.abs(extraWords) >= 1 && interval[0] * interval[1] > 0) {
    const [side, size] = [extraWords > 0 ? "longer" : "shorter", Math.abs(extraWords).toFixed(1)];
    findings.whole(
      "length-bias",
      `chosen is ${size} words ${side} than rejected on average (longer in ${percent(chosenLonger ?? 0)} of the pairs ` +
        "that differ in length): a model may learn the length",
    );
  }
  tellPositions(findings, textBias);
  const { accuracy, interval: guess, words } = blindGuess;
  if (accuracy !== null && guess !== null && guess[0] > TELLING_ACCURACY) {
    const telling = words.map(({ word }) => word).join(", ");
    findings.whole(
      "blind-words",
      `words alone tell chosen from rejected in ${percent(accuracy)} of the pairs${telling === "" ? "" : ` (${telling})`}: ` +
        "let the same words stand on both sides",
    );
  }
  tellImbalance(findings, "kind", kinds, rows);
  tellImbalance(findings, "stage", stages, rows);
}

function tellPositions(findings: Findings, textBias: TextBias): void {
  const { chosenNamedFirst: first, chosenNamedFirstInterval: interval, namedInPrompt, differenceAt, long } = textBias;
  if (first !== null && interval !== null && (interval[0] > TELLING_ACCURACY || interval[1] < 1 - TELLING_ACCURACY)) {
    const [share, place] = first > 0.5 ? [first, "first"] : [1 - first, "last"];
    findings.whole(
      "position-bias",
      `of ${namedInPrompt} prompts that name both answers, ${percent(share)} name chosen ${place}: a model may learn the ` +
        "place; mix the order",
    );
  }
  const most = Math.max(...differenceAt);
  const placed = wilsonInterval(Math.round(most * long), long);
  if (placed !== null && placed[0] > ONE_PLACE) {
    const third = ["first", "middle", "last"][differenceAt.indexOf(most)] as string;
    findings.whole(
      "difference-place",
      `of ${long} pairs of six words or more, ${percent(most)} first differ in the ${third} third: what stands elsewhere is ` +
        "hardly contrasted; change facts there too",
    );
  }
}

function tellImbalance(findings: Findings, name: string, counts: ReadonlyMap<string, number>, rows: number): void {
  const named = [...counts].filter(([value]) => value !== "").sort(([, a], [, b]) => b - a);
  const [largest, smallest] = [named[0], named.at(-1)];
  if (named.length < 2 || largest === undefined || smallest === undefined) return;
  if (largest[1] < 10 * smallest[1]) return;
  findings.whole(
    `${name}-balance`,
    `${name} ${largest[0]} has ${percent(largest[1] / rows)} of the rows and ${smallest[0]} ${percent(smallest[1] / rows)}: ` +
      "what is rare is hardly learnt",
  );
}

/** A share as people read it. */
export function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
