import { readdir, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { z } from "zod";
import { UserError } from "../errors.js";
import { readJsonFile } from "../files/rows.js";
import { unreadable } from "../files/text-file.js";
import type { Tagger } from "../english/part-of-speech.js";

const PARTS = ["weights", "tagdict", "classes"] as const;

const MODEL = z.object({
  weights: z.record(z.string(), z.record(z.string(), z.number())),
  tagdict: z.record(z.string(), z.string()),
  classes: z.array(z.string()).min(1),
});

/** Weights of one feature by the number of the tag. */
type Weights = readonly (readonly [tag: number, weight: number])[];

/** A tagger and the files that it was read from. */
export interface FileTagger {
  tag: Tagger;
  inputs: readonly string[];
}

/**
 * Reads the tagger that the official scripts use: NLTK's averaged perceptron, as its user has it under
 * `nltk_data/taggers/averaged_perceptron_tagger_eng`.
 *
 * Source: Collins (2002), in Matthew Honnibal's form with its features; the weights are NLTK's and stay in its folder.
 *
 * @param folder - Holds three files that end in `.weights.json`, `.tagdict.json` and `.classes.json`.
 * @throws UserError when one is missing or malformed.
 */
export async function perceptronTagger(folder: string): Promise<FileTagger> {
  const names = await readdir(folder).catch((cause: unknown) => {
    throw unreadable(folder, cause);
  });
  const inputs = PARTS.map((part) => {
    const name = names.find((each) => each.endsWith(`.${part}.json`));
    if (name !== undefined) return join(folder, name);
    throw new UserError(
      `${folder}: holds no file that ends in .${part}.json; get it with nltk.download("averaged_perceptron_tagger_eng")`,
    );
  });
  const contents = await Promise.all(inputs.map(readJsonFile));
  const parsed = MODEL.safeParse(Object.fromEntries(PARTS.map((part, at) => [part, contents[at]])));
  if (!parsed.success) {
    const path = parsed.error.issues[0]?.path ?? [];
    const file = inputs[PARTS.indexOf(path[0] as "weights")] ?? folder;
    throw new UserError(`${file}: field ${path.slice(1).join(".") || "(whole file)"} is not as NLTK writes it`);
  }
  return { tag: taggerOf(parsed.data), inputs };
}

/**
 * Finds that tagger where NLTK itself looks for its data.
 *
 * Source: https://www.nltk.org/data.html
 *
 * @param environment - May name a folder in `NLTK_DATA`.
 * @returns Its folder, undefined where there is none.
 */
export async function installedTagger(environment: NodeJS.ProcessEnv = process.env): Promise<string | undefined> {
  const named = (environment["NLTK_DATA"] ?? "").split(delimiter).filter((folder) => folder !== "");
  const usual = ["/usr/share", "/usr/local/share", "/usr/lib", "/usr/local/lib"].map((folder) =>
    join(folder, "nltk_data"),
  );
  for (const folder of [...named, join(homedir(), "nltk_data"), ...usual]) {
    const tagger = join(folder, "taggers", "averaged_perceptron_tagger_eng");
    if ((await stat(tagger).catch(() => undefined))?.isDirectory() === true) return tagger;
  }
  return undefined;
}

function taggerOf(model: z.infer<typeof MODEL>): Tagger {
  // Of equal scores the last tag by its letters wins.
  const classes = [...model.classes].sort();
  const numbers = new Map(classes.map((tag, number) => [tag, number]));
  const known = new Map(Object.entries(model.tagdict));
  const weights = new Map<string, Weights>();
  for (const [feature, byTag] of Object.entries(model.weights)) {
    const entries = Object.entries(byTag).flatMap(([tag, weight]) => {
      const number = numbers.get(tag);
      return number === undefined ? [] : [[number, weight] as const];
    });
    weights.set(feature, entries);
  }
  const scores = new Float64Array(classes.length);
  const best = (features: readonly string[]): string => {
    scores.fill(0);
    for (const feature of features) {
      for (const [tag, weight] of weights.get(feature) ?? []) scores[tag] = (scores[tag] as number) + weight;
    }
    let winner = 0;
    for (let tag = 1; tag < scores.length; tag++) {
      if ((scores[tag] as number) >= (scores[winner] as number)) winner = tag;
    }
    return classes[winner] as string;
  };
  return (tokens) => {
    const context = ["-START-", "-START2-", ...tokens.map(normalised), "-END-", "-END2-"];
    let [before, twoBefore] = ["-START-", "-START2-"];
    return tokens.map((token, at) => {
      const tag = known.get(token) ?? best(featuresOf(token, context, at + 2, before, twoBefore));
      [before, twoBefore] = [tag, before];
      return tag;
    });
  };
}

function featuresOf(
  token: string,
  context: readonly string[],
  at: number,
  before: string,
  twoBefore: string,
): string[] {
  const word = (offset: number): string => context[at + offset] as string;
  return [
    "bias",
    `i suffix ${lastThree(token)}`,
    `i pref1 ${String.fromCodePoint(...[token.codePointAt(0)].filter((point) => point !== undefined))}`,
    `i-1 tag ${before}`,
    `i-2 tag ${twoBefore}`,
    `i tag+i-2 tag ${before} ${twoBefore}`,
    `i word ${word(0)}`,
    `i-1 tag+i word ${before} ${word(0)}`,
    `i-1 word ${word(-1)}`,
    `i-1 suffix ${lastThree(word(-1))}`,
    `i-2 word ${word(-2)}`,
    `i+1 word ${word(1)}`,
    `i+1 suffix ${lastThree(word(1))}`,
    `i+2 word ${word(2)}`,
  ];
}

/** Last three characters; characters beyond 16 bits are one. */
function lastThree(word: string): string {
  return /[\ud800-\udfff]/.test(word.slice(-6)) ? [...word].slice(-3).join("") : word.slice(-3);
}

function normalised(word: string): string {
  if (word.includes("-") && !word.startsWith("-")) return "!HYPHEN";
  if (/^\p{Nd}{4}$/u.test(word)) return "!YEAR";
  if (/^\p{Nd}/u.test(word)) return "!DIGITS";
  return word.toLowerCase();
}
