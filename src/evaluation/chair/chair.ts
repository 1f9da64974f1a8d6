import { UserError } from "../../errors.js";
import { type FileRow, idField, place, SeenIds, shown, textField } from "../../files/rows.js";
import { requireFile } from "../benchmark-files.js";
import type { Benchmark, Metric, Mode, OpenOptions, Prompt, Scored, Scorer } from "../benchmark.js";
import { taggerName } from "../../english/part-of-speech.js";
import { perceptronTagger } from "../perceptron-tagger.js";
import { TallySheet, type Totals } from "../tally-sheet.js";
import { CAPTIONS, GROUND_TRUTH, INSTANCES, REPOSITORY, REVISION, SYNONYMS } from "./files.js";
import type { Lemmatiser } from "./lemmatise.js";
import { ObjectWords } from "./object-words.js";
import { readSynonyms } from "./synonyms.js";
import { type CocoSplit, readTruth } from "./truth.js";

const METRICS: readonly Metric[] = [
  { name: "chair_s", title: "captions that name an absent object", better: "lower", digits: 2 },
  { name: "chair_i", title: "absent objects among the named", better: "lower", digits: 2 },
  { name: "recall", title: "named objects among the present", better: "higher", digits: 2 },
  { name: "mean_length", title: "mean length in tokens, the Len of papers", better: "neither", digits: 1 },
  { name: "mean_words", title: "mean length in words between blanks", better: "neither", digits: 1 },
];

/** CHAIR (arXiv 1809.02156): objects that captions of COCO's images name. */
export const chair: Benchmark = {
  name: "chair",
  title: "CHAIR",
  measures: "how many of the objects that a caption names are not in the picture",
  source: { paper: "arXiv 1809.02156", repository: REPOSITORY, revision: REVISION },
  files: [SYNONYMS, GROUND_TRUTH, ...INSTANCES, ...CAPTIONS],
  defects: [
    {
      official: "An entry of the list behind two blanks, one with a capital and a phrase of three words never match.",
      fixed: "Every entry matches.",
    },
    {
      official: "A word of the list is lost where the lemmatiser changes it: bus becomes bu, parking meter park meter.",
      fixed: "A word of the list counts as it stands.",
    },
    {
      official: "A picture without annotations counts as empty.",
      fixed: "It is refused by name, in both modes.",
    },
  ],
  defaultMode: "fixed",
  answers: "jsonl",
  idFields: ["image_id"],
  answerFields: ["caption", "text"],
  options: {
    lemmatiser:
      "singular: the singularizer of CHAIR's authors (default); wordnet: WordNet's base forms by part of speech, " +
      "as many later papers use",
    tagger:
      "for wordnet: folder of NLTK's averaged_perceptron_tagger_eng, whose parts of speech are the official ones; " +
      "without it those of wink-pos-tagger",
    split:
      "val or train: whose pictures are asked about (default: val) or may be captioned (default: both), where COCO's own " +
      "annotations say which they are of",
  },
  judged: false,
  open: openChair,
  prompts: chairPrompts,
  answerRow: (prompt, answer) => ({ image_id: prompt.id, caption: answer }),
};

/** The words in which most papers ask for the caption. */
const PROMPT = "Please describe this image in detail.";

/** The images of one split: their names say which, and the zip of the annotations holds both. */
async function* chairPrompts(annotations: string, options: OpenOptions["options"] = {}): AsyncGenerator<Prompt> {
  const split = splitOf(options) ?? "val";
  const { truth } = await readAnnotations(annotations, "fixed", "singular", undefined);
  for (const image of truth.objects.keys()) {
    if ((truth.splits.get(image) ?? split) !== split) continue;
    yield { id: Number(image), image: `COCO_${split}2014_${image.padStart(12, "0")}.jpg`, text: PROMPT };
  }
}

function splitOf({ split }: OpenOptions["options"]): CocoSplit | undefined {
  if (split === undefined || split === "val" || split === "train") return split;
  throw new UserError(`option split is ${shown(split)}, expected val or train`);
}

async function readAnnotations(annotations: string, mode: Mode, lemmatiser: Lemmatiser, tagger: string | undefined) {
  const path = await requireFile(annotations, SYNONYMS, REPOSITORY);
  const synonyms = await readSynonyms(path, mode);
  const official = tagger === undefined ? undefined : await perceptronTagger(tagger);
  const words = new ObjectWords(synonyms, lemmatiser, mode, official?.tag);
  const truth = await readTruth(annotations, words, synonyms.objects);
  return { words, truth, inputs: [path, ...truth.inputs, ...(official?.inputs ?? [])] };
}

async function openChair({ annotations, mode, options }: OpenOptions): Promise<Scorer> {
  const { lemmatiser = "singular", tagger } = options;
  if (lemmatiser !== "singular" && lemmatiser !== "wordnet") {
    throw new UserError(`option lemmatiser is ${shown(lemmatiser)}, expected singular or wordnet`);
  }
  if (tagger !== undefined && lemmatiser === "singular") {
    throw new UserError(
      "option tagger goes with --option lemmatiser=wordnet; the singularizer needs no parts of speech",
    );
  }
  const split = splitOf(options);
  const { words, truth, inputs } = await readAnnotations(annotations, mode, lemmatiser, tagger);
  const sheet = new TallySheet();
  const seen = new SeenIds("image_id");
  return {
    inputs,
    settings: {
      ...(lemmatiser === "singular" ? { lemmatiser } : { lemmatiser, tagger: taggerName(tagger) }),
      ...(split === undefined ? {} : { split }),
    },
    add(row: FileRow): void {
      const image = imageId(row);
      const caption = captionText(row);
      const present = truth.objects.get(image);
      if (present === undefined) {
        throw new UserError(
          `${place(row)}: field image_id is ${shown(image)}, which the annotations of ${truth.objects.size} images ` +
            "do not hold; name those of the split that was captioned",
        );
      }
      const found = truth.splits.get(image);
      if (split !== undefined && found !== undefined && found !== split) {
        throw new UserError(
          `${place(row)}: field image_id is ${shown(image)}, an image of COCO's ${found} split; expected ${split}`,
        );
      }
      seen.add(row, image);
      const { objects: named, tokens } = words.mentions(caption);
      const absent = named.filter((object) => !present.has(object)).length;
      sheet.add(image, "captions", 1);
      sheet.add(image, "hallucinatedCaptions", absent > 0 ? 1 : 0);
      sheet.add(image, "mentions", named.length);
      sheet.add(image, "absentMentions", absent);
      sheet.add(image, "presentObjects", present.size);
      sheet.add(image, "namedObjects", new Set(named.filter((object) => present.has(object))).size);
      sheet.add(image, "tokens", tokens);
      sheet.add(image, "words", wordCount(caption));
    },
    finish: (): Scored => ({ sheet, n: seen.size, metrics: METRICS, figures }),
  };
}

/**
 * CHAIR's figures.
 *
 * Source: CHAIR (arXiv 1809.02156), theirs; recall and mean length as its later users report them.
 *
 * @param totals - Sums of counts over images.
 * @returns Percentages, and mean lengths; null where a denominator is 0.
 */
export function figures(totals: Totals): Record<string, number | null> {
  const ratio = (part: string, whole: string, scale: number): number | null => {
    const denominator = totals[whole] ?? 0;
    return denominator === 0 ? null : (scale * (totals[part] ?? 0)) / denominator;
  };
  return {
    chair_s: ratio("hallucinatedCaptions", "captions", 100),
    chair_i: ratio("absentMentions", "mentions", 100),
    recall: ratio("namedObjects", "presentObjects", 100),
    mean_length: ratio("tokens", "captions", 1),
    mean_words: ratio("words", "captions", 1),
  };
}

/** COCO's ids are numbers; some tools pad them with zeros or write the file's name. */
function imageId(row: FileRow): string {
  const id = idField(row, "image_id");
  const digits = /^(?:COCO_(?:val|train)2014_)?0*(\d+)(?:\.jpg)?$/.exec(id)?.[1];
  return digits ?? id;
}

/** Most answer files hold `caption`; those of LLaVA's tools hold `text`. */
function captionText(row: FileRow): string {
  const value = row.value as Record<string, unknown> | null;
  const byTool = typeof value === "object" && value !== null && !Object.hasOwn(value, "caption");
  return textField(row, byTool && Object.hasOwn(value, "text") ? "text" : "caption");
}

function wordCount(caption: string): number {
  return caption.match(/\S+/g)?.length ?? 0;
}
