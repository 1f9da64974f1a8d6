import { UserError } from "../../errors.js";
import { place, readTextLines, shown } from "../../files/rows.js";

/** Above this two words count as one, as in the official script. */
const THRESHOLD = 0.8;
const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;

/**
 * Whether two words mean nearly the same.
 *
 * @returns True for a word and itself.
 */
export type Similar = (first: string, second: string) => boolean;

/** Without a table only equal words are similar. */
export const sameWord: Similar = (first, second) => first === second;

/**
 * Reads which words are similar from a table of pairs (`word word similarity` a line) or of word vectors
 * (`word number number ...` a line, as GloVe and word2vec write them), parted by tabs, commas or blanks.
 *
 * @param path - The table.
 * @param vocabulary - Words that are asked for; others are passed over.
 * @returns Similar where the similarity, or the cosine of the vectors, is above 0.8.
 * @throws UserError naming the line that is neither.
 */
export async function readSimilarity(path: string, vocabulary: ReadonlySet<string>): Promise<Similar> {
  const pairs = new Set<string>();
  const vectors = new Map<string, Float64Array>();
  let length: number | undefined;
  let lines = 0;
  for await (const row of readTextLines(path)) {
    const line = (row.value as string).trim();
    if (line === "") continue;
    lines += 1;
    const fields = line.split(/[\t,; ]+/);
    const [first, second, ...rest] = fields as [string, string?, ...string[]];
    if (second !== undefined && !NUMBER.test(second)) {
      // A line of titles may stand first.
      if (lines === 1 && rest.length === 1 && !NUMBER.test(rest[0] as string)) continue;
      if (rest.length !== 1 || !NUMBER.test(rest[0] as string)) throw malformed(place(row), line);
      if (Number(rest[0]) > THRESHOLD) pairs.add(key(first, second)).add(key(second, first));
      continue;
    }
    // word2vec's first line counts words and numbers.
    if (lines === 1 && fields.length === 2 && NUMBER.test(first)) continue;
    const numbers = fields.slice(1);
    length ??= numbers.length;
    if (numbers.length < 2 || numbers.length !== length || !numbers.every((number) => NUMBER.test(number))) {
      throw malformed(place(row), line);
    }
    if (vocabulary.has(first)) vectors.set(first, unit(numbers.map(Number)));
  }
  if (lines === 0) throw new UserError(`${path}: is empty, expected pairs of words or word vectors`);
  return (first, second) => {
    if (first === second || pairs.has(key(first, second))) return true;
    const [a, b] = [vectors.get(first), vectors.get(second)];
    if (a === undefined || b === undefined) return false;
    return a.reduce((sum, value, at) => sum + value * (b[at] as number), 0) > THRESHOLD;
  };
}

function key(first: string, second: string): string {
  return `${first}\t${second}`;
}

/** A vector of length 1; one of zeros stays and is similar to nothing. */
function unit(numbers: readonly number[]): Float64Array {
  const norm = Math.hypot(...numbers);
  return Float64Array.from(numbers, (number) => (norm === 0 ? 0 : number / norm));
}

function malformed(where: string, line: string): UserError {
  return new UserError(
    `${where}: is ${shown(line)}, expected "word word similarity", or a word and as many numbers as on the first line`,
  );
}
