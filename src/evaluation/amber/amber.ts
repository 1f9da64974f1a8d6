import { UserError } from "../../errors.js";
import { type FileRow, shown, textField } from "../../files/rows.js";
import type { Benchmark, Metric, Mode, OpenOptions, Scored, Scorer } from "../benchmark.js";
import { taggerName } from "../../english/part-of-speech.js";
import { installedTagger, perceptronTagger } from "../perceptron-tagger.js";
import { ReadOtherwise } from "../yes-no.js";
import { TallySheet, type Totals } from "../tally-sheet.js";
import { readAnnotations, readPrompts } from "./annotations.js";
import { DISCRIMINATIVE_METRICS, discriminativeFigures, readAnswer, tallyAnswer } from "./discriminative.js";
import { Answered, type Part } from "./answered.js";
import { ANNOTATIONS, QUERIES, RELATION, REPOSITORY, REVISION, SAFE_WORDS } from "./files.js";
import { GENERATIVE_METRICS, generativeFigures, tallyDescription } from "./generative.js";
import { VocabularyNouns } from "./nouns.js";
import { readSimilarity, sameWord, type Similar } from "./similarity.js";

const SCORE: Metric = { name: "amber_score", title: "AMBER score", better: "higher", digits: 1 };

const METRICS: Readonly<Record<Part, readonly Metric[]>> = {
  generative: GENERATIVE_METRICS,
  discriminative: DISCRIMINATIVE_METRICS,
  both: [SCORE, ...GENERATIVE_METRICS, ...DISCRIMINATIVE_METRICS],
};

const GENERATIVE_DEFECTS = [
  {
    official: "A thing is found by another's association before its own name, and of two equal things only the first.",
    fixed: "Its own name comes first, and equal things are one.",
  },
  {
    official: "Words with a capital never match, nor words of the vocabulary that are plurals, such as sunglasses.",
    fixed: "Capitals do not matter, and a word of the vocabulary needs no base form.",
  },
  {
    official: "Shares are rounded, and 0.001 is added to their denominators.",
    fixed: "They are exact.",
  },
];

const DISCRIMINATIVE_DEFECTS = [
  {
    official: "Answers other than exactly Yes or No are wrong, Yes. and no among them.",
    fixed: "The first deciding word of the first sentence counts, in any spelling.",
  },
  {
    official: "F1 comes from rounded precision and recall, with 0.0001 (existence: 0.001) added to their sum.",
    fixed: "It comes from counts.",
  },
];

const GENERATIVE_OPTIONS = {
  similarity:
    "table of similar words: word, word, similarity a line, or word vectors (a word and its numbers a line); " +
    "without it only equal words are similar",
  tagger:
    "folder of NLTK's averaged_perceptron_tagger_eng, whose parts of speech are the official ones; without it strict " +
    "mode takes that of nltk_data where NLTK looks for it, else those of wink-pos-tagger",
  nouns:
    "auto: a response of nouns alone is taken as it stands (default when fixed); tagged: parts of speech decide " +
    "everywhere, as officially (default when strict)",
};

/** AMBER's descriptions (arXiv 2311.07397). */
export const amberGenerative: Benchmark = benchmark("generative");
/** AMBER's questions (arXiv 2311.07397). */
export const amberDiscriminative: Benchmark = benchmark("discriminative");
/** AMBER whole (arXiv 2311.07397), with the AMBER score. */
export const amber: Benchmark = benchmark("both");

function benchmark(part: Part): Benchmark {
  const generative =
    "how many of the things that a description names are not in the picture, and how many it leaves out";
  const discriminative = "answers to yes/no questions after things, their attributes and their relations";
  return {
    name: part === "both" ? "amber" : `amber-${part}`,
    title: part === "both" ? "AMBER" : `AMBER, ${part === "generative" ? "descriptions" : "questions"}`,
    measures: { generative, discriminative, both: `both: ${generative}; ${discriminative}` }[part],
    source: { paper: "arXiv 2311.07397", repository: REPOSITORY, revision: REVISION },
    files: [ANNOTATIONS, RELATION, SAFE_WORDS, QUERIES],
    defects: [
      ...(part === "discriminative" ? [] : GENERATIVE_DEFECTS),
      ...(part === "generative" ? [] : DISCRIMINATIVE_DEFECTS),
    ],
    defaultMode: "fixed",
    answers: "json-array",
    idFields: ["id"],
    answerFields: ["response"],
    options: part === "discriminative" ? {} : GENERATIVE_OPTIONS,
    judged: false,
    open: (options) => openAmber(part, options),
    prompts: (annotations) => readPrompts(annotations, part),
    answerRow: (prompt, answer) => ({ id: prompt.id, response: answer }),
  };
}

async function openAmber(part: Part, { annotations, mode, options }: OpenOptions): Promise<Scorer> {
  const { nouns: finding = mode === "strict" ? "tagged" : "auto", similarity } = options;
  if (finding !== "auto" && finding !== "tagged") {
    throw new UserError(`option nouns is ${shown(finding)}, expected auto or tagged`);
  }
  const truth = await readAnnotations(annotations);
  const similar: Similar = similarity === undefined ? sameWord : await readSimilarity(similarity, truth.vocabulary);
  const described = part !== "discriminative";
  const tagger = options["tagger"] ?? (described && mode === "strict" ? await installedTagger() : undefined);
  const official = tagger === undefined ? undefined : await perceptronTagger(tagger);
  const finder =
    part === "discriminative" ? undefined : new VocabularyNouns(truth.vocabulary, mode, finding, official?.tag);
  const sheet = new TallySheet();
  const answered = new Answered(truth, part);
  const otherwise = new ReadOtherwise();
  let undecided = 0;
  return {
    inputs: [...truth.inputs, ...(similarity === undefined ? [] : [similarity]), ...(official?.inputs ?? [])],
    settings:
      part === "discriminative"
        ? {}
        : {
            similarity: similarity === undefined ? "equal words" : "table",
            nouns: finding,
            tagger: taggerName(tagger),
          },
    add(row: FileRow): void {
      const item = answered.take(row);
      const response = textField(row, "response");
      if (item === undefined) return;
      if (item.kind !== "generative") {
        const [said, byWord] = [readAnswer(response, mode), readAnswer(response, "fixed")];
        if (said !== byWord) otherwise.add(row, response);
        if (mode === "fixed" && said === null) undecided += 1;
        tallyAnswer(said, item, sheet);
      } else if (finder !== undefined)
        tallyDescription(finder.nouns(response), item, { ...truth, similar, mode }, sheet);
    },
    finish(): Scored {
      const notes = [...answered.notes(mode), ...otherwise.notes()];
      if (described && mode === "strict" && tagger === undefined) {
        notes.push(
          "the nouns were found by wink-pos-tagger; the official script takes NLTK's tagger, whose figures differ by points " +
            'where responses are no sentences: get it with nltk.download("averaged_perceptron_tagger_eng")',
        );
      }
      if (undecided > 0) notes.push(`${undecided} answers are neither yes nor no and count as wrong`);
      return {
        sheet,
        n: answered.count,
        metrics: METRICS[part],
        figures: (totals) => figures(part, mode, totals),
        notes,
      };
    },
  };
}

function figures(part: Part, mode: Mode, totals: Totals): Record<string, number | null> {
  const described = part === "discriminative" ? {} : generativeFigures(totals, mode);
  const answered = part === "generative" ? {} : discriminativeFigures(totals, mode);
  if (part !== "both") return { ...described, ...answered };
  const [chair = null, f1 = null] = [described["chair"], answered["f1"]];
  return { amber_score: chair === null || f1 === null ? null : (100 - chair + f1) / 2, ...described, ...answered };
}
