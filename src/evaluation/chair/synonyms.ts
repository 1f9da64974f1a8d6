import { UserError } from "../../errors.js";
import { shown } from "../../files/rows.js";
import type { Mode } from "../benchmark.js";
import { decodeUtf8, readWhole, withoutMark } from "../../files/text-file.js";

/** COCO's animals, and the words that stand for any: "baby" or "adult" before one is no person. */
const ANIMALS = "bird cat dog horse sheep cow elephant bear zebra giraffe animal cub".split(" ");
/** "passenger" before one is no person. */
const VEHICLES = ["jet", "train"];

/** The words by which captions name COCO's objects. */
export interface Synonyms {
  /** Object by each word or phrase that names it; words are as a lemmatiser leaves them. */
  objects: ReadonlyMap<string, string>;
  /** What a phrase counts as, by the phrase; what it counts as need not be an object. */
  phrases: ReadonlyMap<string, string>;
  /** Most words of a phrase. */
  longest: number;
  /** Every word of `objects` and `phrases`: a word that is none of them cannot count. */
  words: ReadonlySet<string>;
}

/**
 * Reads the list of synonyms: a line per object, its name first, words parted by commas.
 *
 * In strict mode entries are taken as CHAIR's script takes them, so that one behind two blanks, one with a capital and
 * a phrase of three words never match; in fixed mode they do.
 *
 * @param path - `synonyms.txt` of CHAIR's repository or a list of the same form.
 * @param mode - Of scoring.
 * @throws UserError when the file cannot be read or a line holds no name.
 */
export async function readSynonyms(path: string, mode: Mode): Promise<Synonyms> {
  const bytes = await readWhole(path);
  const lines = withoutMark(decodeUtf8(bytes, path)).split(/\r?\n/);
  if (lines.at(-1) === "") lines.pop();
  if (lines.length === 0) throw new UserError(`${path}: is empty, expected a line of words for each object`);
  return synonymsOf(
    lines.map((line, at) => {
      const entries = line.trim().split(", ");
      if (entries.every((entry) => entry.trim() !== "")) return entries;
      throw new UserError(`${path} line ${at + 1}: is ${shown(line)}, expected words parted by a comma and a blank`);
    }),
    mode,
  );
}

/**
 * Prepares a list of synonyms.
 *
 * @param lists - For each object its name and the other words for it.
 * @param mode - Of scoring; see `readSynonyms`.
 */
export function synonymsOf(lists: readonly (readonly string[])[], mode: Mode): Synonyms {
  const objects = new Map<string, string>();
  const phrases = new Map<string, string>();
  for (const list of lists) {
    const name = (list[0] as string).trim();
    for (const entry of list) {
      const word = entry.trim().toLowerCase();
      objects.set(mode === "strict" ? entry : word, name);
      const words = word.split(" ").length;
      if (words === 2 || (words > 2 && mode === "fixed")) phrases.set(word, word);
    }
  }
  for (const animal of ANIMALS) for (const age of ["baby", "adult"]) phrases.set(`${age} ${animal}`, animal);
  for (const vehicle of VEHICLES) phrases.set(`passenger ${vehicle}`, vehicle);
  // Things that are named after an object without being one, and what the singularizer makes of a glass.
  for (const phrase of ["train track", "home plate"]) phrases.set(phrase, phrase);
  phrases.set("bow tie", "tie");
  phrases.set("toilet seat", "toilet");
  phrases.set("wine glas", "wine glass");
  const words = new Set([...objects.keys(), ...phrases.keys(), ...phrases.values()].flatMap((text) => text.split(" ")));
  return { objects, phrases, longest: Math.max(...[...phrases.keys()].map((text) => text.split(" ").length)), words };
}
