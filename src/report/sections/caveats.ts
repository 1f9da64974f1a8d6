import type { Scores } from "../../evaluation/eval-result.js";
import { kindMetric } from "../../evaluation/scenes/figures.js";
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

function better(data: ReportData, trained: Scores): string | null {
  const others = Object.entries(data.result.models).filter(([key]) => key !== data.after && key !== data.before);
  const chair = ({ metrics }: Scores) => metrics["chair_s"] ?? 100;
  const [best] = others.sort(([, a], [, b]) => chair(a) - chair(b));
  if (best === undefined || chair(best[1]) >= chair(trained)) return null;
  const [key, { metrics }] = best;
  return `It is not the best: ${labelOf(data, key)} does so in ${percentage(metrics["chair_s"] ?? null)}\u00a0% and names ${percentage(metrics["cover"] ?? null)}\u00a0%.`;
}

function worse(base: Scores, trained: Scores): string | null {
  const fallen = QUESTION_KINDS.flatMap((kind) => {
    const name = kindMetric(kind);
    const [was, is] = [base.metrics[name] ?? null, trained.metrics[name] ?? null];
    const high = trained.interval[name]?.[1];
    // Below what chance in the choice of scenes explains.
    return was !== null && is !== null && high !== undefined && high < was ? [{ kind, was, is }] : [];
  });
  const [most] = fallen.sort((a, b) => b.was - b.is - (a.was - a.is));
  return most === undefined
    ? null
    : `Right answers about ${SUBJECTS[most.kind]} fall from ${percentage(most.was)} to ${percentage(most.is)}\u00a0%.`;
}

function malformed(base: Scores, trained: Scores): string | null {
  const [was, is] = [base.metrics["foreign"] ?? null, trained.metrics["foreign"] ?? null];
  if (was === null || is === null || is <= was) return null;
  return `${percentage(is)}\u00a0% of its captions hold a word that no true caption has, such as two run together; before training ${percentage(was)}\u00a0%.`;
}
