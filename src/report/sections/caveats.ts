import type { SceneScores } from "../../evaluation/scene-scores.js";
import { QUESTION_KINDS, type QuestionKind } from "../../scenes/questions.js";
import { percentage } from "../format.js";
import { labelOf, type ReportData } from "../report-data.js";

/** What a kind of question asks about, in a sentence. */
const SUBJECTS: Readonly<Record<QuestionKind, string>> = {
  presence: "presence",
  count: "counts",
  position: "positions",
  attribute: "colours",
};

/**
 * What belongs beside the page's headline: a model that hallucinates less, the kind of question that is answered worse
 * than before, and captions that have become malformed.
 *
 * @returns Sentences; empty where none of it is so.
 */
export function caveats(data: ReportData): string {
  const { before, after, result } = data;
  const [base, trained] = [result.models[before], result.models[after]];
  if (base === undefined || trained === undefined) return "";
  return [better(data, trained), worse(base, trained), malformed(base, trained)]
    .filter((sentence) => sentence !== null)
    .join(" ");
}

function better(data: ReportData, trained: SceneScores): string | null {
  const others = Object.entries(data.result.models).filter(([key]) => key !== data.after && key !== data.before);
  const [best] = others.sort(([, a], [, b]) => (a.chair_s ?? 1) - (b.chair_s ?? 1));
  if (best === undefined || (best[1].chair_s ?? 1) >= (trained.chair_s ?? 1)) return null;
  const [key, { chair_s: share, cover }] = best;
  return `It is not the best: ${labelOf(data, key)} does so in ${percentage(share)}\u00a0% and names ${percentage(cover)}\u00a0%.`;
}

function worse(base: SceneScores, trained: SceneScores): string | null {
  const fallen = QUESTION_KINDS.flatMap((kind) => {
    const [was, is] = [base.by_kind?.[kind], trained.by_kind?.[kind]];
    // Below what chance in the choice of scenes explains.
    return was !== undefined && is?.interval && is.interval[1] < was.accuracy
      ? [{ kind, was: was.accuracy, is: is.accuracy }]
      : [];
  });
  const [most] = fallen.sort((a, b) => b.was - b.is - (a.was - a.is));
  return most === undefined
    ? null
    : `Right answers about ${SUBJECTS[most.kind]} fall from ${percentage(most.was)} to ${percentage(most.is)}\u00a0%.`;
}

function malformed(base: SceneScores, trained: SceneScores): string | null {
  const [was, is] = [base.fluency, trained.fluency];
  if (was === undefined || is === undefined || is.foreign <= was.foreign) return null;
  return `Of its ${is.captions} captions ${is.foreign} hold a word that no true caption has, such as two run together; before training ${was.foreign}.`;
}
