import type { Difference } from "../evaluation/compare.js";
import type { Scores } from "../evaluation/eval-result.js";
import { kindMetric } from "../evaluation/scenes/figures.js";
import { mean } from "../numbers/statistics.js";
import { QUESTION_KINDS } from "../scenes/questions.js";
import { figureOf, figureText, percent, percentRange } from "./score-text.js";
import { ALLOWED_LOSS } from "./search.js";
import type { MethodSummary, StudyOutcome } from "./study.js";

const COLUMNS: readonly { figure: string; title: string }[] = [
  { figure: "chair_s", title: "CHAIRs" },
  { figure: "chair_i", title: "CHAIRi" },
  { figure: "cover", title: "coverage" },
  { figure: "hal", title: "hallucinated answers" },
  { figure: "accuracy", title: "yes/no accuracy" },
  { figure: "f1", title: "yes/no F1" },
  { figure: "yes_ratio", title: "share of yes" },
];

function cells(scores: Scores): string[] {
  return COLUMNS.map(({ figure }) => figureText(scores, figure));
}

function cellsByKind(scores: Scores): string[] {
  return QUESTION_KINDS.map((kind) => figureText(scores, kindMetric(kind)));
}

function row(cellsOfRow: readonly string[]): string {
  return `| ${cellsOfRow.join(" | ")} |`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [row(head), row(head.map(() => "---")), ...rows.map(row)].join("\n");
}

/** How the study's intervals are made, for people. */
const INTERVALS = `In brackets 95 % t intervals for other seeds and other scenes: the variance of the mean over
seeds and that over scenes (bootstrap) added, with Satterthwaite's degrees of freedom.`;

/** The same in a few words. */
export const INTERVALS_SHORT = "95 % t intervals over seeds and scenes";

/** How many seeds the figures are of. */
export function seedsText({ methods }: StudyOutcome): string {
  const count = Object.values(methods)[0]?.bySeed.length ?? 0;
  return `${count} seeds`;
}

/** Says whose rate is the greatest or least that was tried, since a better one may lie beyond. */
function edgeText({ search, recipe }: StudyOutcome): string {
  const tried = search.candidates.map(({ learningRate }) => learningRate);
  const edges = [Math.min(...tried), Math.max(...tried)];
  const names = Object.entries(recipe.learning_rates).flatMap(([name, rate]) => (edges.includes(rate) ? [name] : []));
  return names.length === 0
    ? ""
    : `; at the edge of what was tried, so that a better one may lie beyond: ${names.join(", ")}`;
}

const figure = (scores: Scores, name: string): string => percent(figureOf(scores, name));

const fluency = (scores: Scores): string[] => ["foreign", "repeating", "words"].map((name) => figure(scores, name));

const seeds = (summary: MethodSummary, name: string) =>
  summary.bySeed.map(({ scores }) => figure(scores, name)).join(", ");

/** The few figures that README shows. */
export function headlineTable(study: StudyOutcome): string {
  const cellsOf = (scores: Scores): string[] => [
    figureText(scores, "chair_s"),
    ...["cover", "accuracy", kindMetric("attribute"), "foreign"].map((name) => figure(scores, name)),
  ];
  const chair = ({ together }: MethodSummary) => figureOf(together, "chair_s") ?? 0;
  const methods = Object.values(study.methods).sort((a, b) => chair(b) - chair(a));
  return table(
    ["%", "captions that name something absent (CHAIRs)", "coverage", "yes/no", "colours", "malformed"],
    [["base model", ...cellsOf(study.base)], ...methods.map(({ title, together }) => [title, ...cellsOf(together)])],
  );
}

/** The study as a page of the documents. */
export function studyTable(study: StudyOutcome): string {
  const lines = (summaries: Record<string, MethodSummary>) =>
    Object.entries(summaries).map(([name, summary]) => [
      `${summary.title} (\`${name}\`)`,
      ...cells(summary.together),
      seeds(summary, "chair_s"),
    ]);
  const head = ["model", ...COLUMNS.map(({ title }) => title), "CHAIRs by seed"];
  const against = (method: string, other: string, comparison: Record<string, Difference>) => [
    method,
    other,
    ...(["chair_s", "cover", "accuracy"] as const).map((figure) => {
      const { difference = null, interval = null } = comparison[figure] ?? {};
      return `${percent(difference)}${percentRange(interval)}`;
    }),
  ];
  const scpo = study.methods["scpo"];
  const reduction = scpo?.againstBase["chair_s"];
  const { search, recipe } = study;
  const byKind = (summaries: Record<string, MethodSummary>) =>
    Object.entries(summaries).map(([name, { title, together }]) => [
      `${title} (\`${name}\`)`,
      ...cellsByKind(together),
    ]);
  const correlations = Object.entries(study.difficulty).map(([seed, agreement]) => ({
    seed,
    values: [agreement.difficulty, ...Object.values(agreement.signals), agreement.kind].map(
      ({ negative_margin }) => negative_margin,
    ),
  }));
  const rounded = (value: number | null) => (value === null ? "-" : value.toFixed(2));
  const means = (correlations[0]?.values ?? []).map((_, at) =>
    mean(correlations.flatMap(({ values }) => values[at] ?? [])),
  );
  const difficulty = [
    ...correlations.map(({ seed, values }) => [seed, ...values.map(rounded)]),
    ["mean", ...means.map(rounded)],
  ];
  const signalNames = Object.keys(Object.values(study.difficulty)[0]?.signals ?? {});
  return `# Study: hallucination on the test scenes

Written by \`npm run study\` (${(study.trainerSeconds / 60).toFixed(0)} minutes of training and scoring, one thread each). Percent, over
${seedsText(study)} together. ${INTERVALS}
Settings were chosen on validation scenes with pairs of another seed.

CHAIRs: captions that name an object which is not in the picture. CHAIRi: absent mentions among all mentions. Coverage:
objects in the picture that the caption names. Hallucinated answers: captions and yes/no answers together that assert what
is not in the picture. Yes/no: two questions a scene for the presence of an object, half of them to be answered yes, and
half of the others for the usual companion of an object that is there; and, where the scene has such facts, one for a
count, one for a position and one for the colour of a tile. ${recipe.question_rate === 0 ? "No training pair is" : `${Math.round(100 * recipe.question_rate)} % of the training pairs are`} phrased as such a question.

${table(head, [["base model (`base`)", ...cells(study.base), "-"], ...lines(study.methods)])}

CHAIRs of \`scpo\` is ${percent(reduction?.reduction ?? null)} %${percentRange(reduction?.reduction_interval ?? null)} below the base model's.

Yes/no accuracy by kind of question:

${table(
  ["model", ...QUESTION_KINDS],
  [["base model (\`base\`)", ...cellsByKind(study.base)], ...byKind(study.methods), ...byKind(study.ablations)],
)}

Ablations of \`scpo\`, with its settings:

${table(head, lines(study.ablations))}

One model minus another, in percent points, paired by seed and scene (negative CHAIRs: the first hallucinates less). An
interval that holds 0 shows no difference; where many are looked at, one in twenty leaves 0 out by chance:

${table(
  ["model", "minus", "CHAIRs", "coverage", "yes/no accuracy"],
  [
    ...(scpo === undefined ? [] : [against("scpo", "base", scpo.againstBase)]),
    ...study.comparisons.map((each) => against(each.method, each.against, each.comparison)),
  ],
)}

## Are the captions well formed?

Foreign: captions with a word that no true caption has, such as two words run together ("andpizzas"). Repeating: captions that
name one object more than once. Length: words a caption. A foreign word that is made of words of captions counts as a mention of
the objects among them; any other is no mention, and CHAIRs and coverage do not see it.

${table(
  ["model", "foreign", "repeating", "length", "foreign by seed", "repeating by seed"],
  [
    ["base model (\`base\`)", ...fluency(study.base), "-", "-"],
    ...[...Object.entries(study.methods), ...Object.entries(study.ablations)].map(([name, summary]) => [
      `${summary.title} (\`${name}\`)`,
      ...fluency(summary.together),
      seeds(summary, "foreign"),
      seeds(summary, "repeating"),
    ]),
  ],
)}

## The search

${recipe.pairs} pairs, batches of ${recipe.batch_size}; the same grid for every method, scored on validation scenes. Chosen: the lowest
CHAIRs among those whose coverage is at least the base's (${figure(search.base, "cover")}) minus ${ALLOWED_LOSS.cover} and whose yes/no accuracy is at least the
base's (${figure(search.base, "accuracy")}) minus ${ALLOWED_LOSS.accuracy}, and one number of epochs for all: ${recipe.epochs}. Grid and rule were settled on validation figures.

Share of the pairs that are phrased as questions, tried first with \`scpo\` at ${search.questions[0]?.learningRate.toExponential()} and chosen by the same rule:

${table(
  ["share", "CHAIRs", "coverage", "yes/no accuracy", ...QUESTION_KINDS, "chosen"],
  search.questions.map(({ questionRate, scores }) => [
    `${Math.round(100 * questionRate)} %`,
    ...["chair_s", "cover", "accuracy", ...QUESTION_KINDS.map(kindMetric)].map((name) => figure(scores, name)),
    questionRate === recipe.question_rate ? "yes" : "",
  ]),
)}

Learning rates${edgeText(study)}:

${table(
  ["method", "learning rate", "epochs", "CHAIRs", "coverage", "yes/no accuracy", "foreign", "chosen"],
  search.candidates.map(({ method, learningRate, epochs, scores }) => [
    method,
    learningRate.toExponential(),
    `${epochs}`,
    ...["chair_s", "cover", "accuracy", "foreign"].map((name) => figure(scores, name)),
    epochs === recipe.epochs && recipe.learning_rates[method] === learningRate ? "yes" : "",
  ]),
)}

## Does difficulty predict what the base model gets wrong?

Spearman correlation with the base model's mean negative margin on the pair, by the seed of the pairs; the last column is
the best a score could do that knows only the pair's kind (cross-validated).

${table(["seed", "difficulty", ...signalNames, "kind alone"], difficulty)}
`;
}
