import { QUESTION_KINDS, type QuestionKind } from "../../scenes/questions.js";
import type { Better, Metric } from "../benchmark.js";
import type { TallySheet, Totals } from "../tally-sheet.js";

function metric(name: string, better: Better, title: string): Metric {
  return { name, title, better, digits: 1 };
}

const METRICS: readonly Metric[] = [
  metric("chair_s", "lower", "captions that name an absent object"),
  metric("chair_i", "lower", "absent objects among the mentions"),
  metric("cover", "higher", "objects in the pictures that captions name"),
  metric("hal", "lower", "captions and answers that assert what is not there"),
  metric("accuracy", "higher", "yes/no answers right; neither yes nor no is wrong"),
  metric("f1", "higher", "F1 of yes"),
  metric("yes_ratio", "neither", "yes among the answers"),
];
const FLUENCY: readonly Metric[] = [
  metric("foreign", "lower", "captions with a word that no true caption has"),
  metric("repeating", "lower", "captions that name an object more than once"),
  metric("words", "neither", "words a caption"),
];

/** Name of the accuracy of one kind of question. */
export function kindMetric(kind: QuestionKind): string {
  return `${kind}/accuracy`;
}

/** The figures of scenes; those by kind of question where more than presence is asked for. */
export function sceneMetrics(asked: ReadonlySet<QuestionKind>): Metric[] {
  const kinds = QUESTION_KINDS.filter((kind) => asked.has(kind));
  const byKind = kinds.some((kind) => kind !== "presence") ? kinds : [];
  const accuracies = byKind.map((kind) => metric(kindMetric(kind), "higher", `answers right about ${kind}`));
  return [...METRICS, ...accuracies, ...FLUENCY];
}

/** Mistakes in the caption of a scene: absent objects that it names, and present ones that it does not. */
export function captionMistakes(sheet: TallySheet, scene: string): number {
  const { absent = 0, objects = 0, named = 0 } = sheet.row(scene);
  return absent + objects - named;
}

/** How every figure of scenes follows from summed counts. */
export function sceneFigures(totals: Totals): Record<string, number | null> {
  const sum = (...columns: string[]) => columns.reduce((total, column) => total + (totals[column] ?? 0), 0);
  const ratio = (part: number, whole: number) => (whole === 0 ? null : part / whole);
  const percent = (part: number, whole: number) => (whole === 0 ? null : 100 * (part / whole));
  const falseYes = sum("said_yes") - sum("true_yes");
  return {
    chair_s: percent(sum("hallucinated"), sum("captions")),
    chair_i: percent(sum("absent"), sum("mentions")),
    cover: percent(sum("named"), sum("objects")),
    hal: percent(sum("hallucinated") + falseYes, sum("captions", "questions")),
    accuracy: percent(sum("right"), sum("questions")),
    f1: percent(2 * sum("true_yes"), sum("said_yes", "yes")),
    yes_ratio: percent(sum("said_yes"), sum("questions")),
    ...Object.fromEntries(
      QUESTION_KINDS.map((kind) => [kindMetric(kind), percent(sum(`${kind}/right`), sum(`${kind}/questions`))]),
    ),
    foreign: percent(sum("foreign"), sum("captions")),
    repeating: percent(sum("repeating"), sum("captions")),
    words: ratio(sum("words"), sum("captions")),
  };
}
