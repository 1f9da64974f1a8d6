import { UserError } from "../../errors.js";
import { shown } from "../../files/rows.js";
import { requireFile } from "../benchmark-files.js";
import type { BenchmarkFile } from "../benchmark.js";
import { csvRows } from "../../files/csv.js";
import { decodeUtf8, readWhole, withoutMark } from "../../files/text-file.js";

/** A question of MMVP as annotated. */
export interface MmvpItem {
  /** From 1; also names the image. */
  id: string;
  /** The question with its options, as it is put to a model. */
  prompt: string;
  /** Letter of the right option, for example "(a)". */
  answer: string;
  /** What the two options say. */
  options: Readonly<Record<"a" | "b", string>>;
}

/**
 * Labels that are wrong in the published file, reported at github.com/tsb0601/MMVP as issues 14 and 30: the answers of
 * two pairs are swapped. `about` guards against a file whose rows are numbered otherwise.
 */
const WRONG_LABELS: readonly { id: string; answer: string; about: RegExp }[] = [
  { id: "99", answer: "(b)", about: /tusks/i },
  { id: "100", answer: "(a)", about: /tusks/i },
  { id: "279", answer: "(b)", about: /standing or sitting/i },
  { id: "280", answer: "(a)", about: /standing or sitting/i },
];

/** The annotations. */
export const QUESTIONS: BenchmarkFile = {
  path: "Questions.csv",
  holds: "300 questions in pairs, with options and labels",
};
/** Where they come from. */
export const REPOSITORY = "https://huggingface.co/datasets/MMVP/MMVP";

const COLUMNS = ["Question", "Options", "Correct Answer"] as const;

/**
 * Reads the annotations of MMVP.
 *
 * @param folder - Folder with Questions.csv.
 * @param corrected - Whether to put the known wrong labels right.
 * @returns The file and its questions in order, pair after pair.
 * @throws UserError when the file is missing or malformed.
 */
export async function readMmvp(folder: string, corrected: boolean): Promise<{ path: string; items: MmvpItem[] }> {
  const path = await requireFile(folder, QUESTIONS, REPOSITORY);
  const bytes = await readWhole(path);
  const [head, ...rows] = csvRows(withoutMark(decodeUtf8(bytes, path)), path);
  const places = COLUMNS.map((name) => {
    const at = head?.cells.findIndex((cell) => cell.trim() === name) ?? -1;
    if (at === -1) throw new UserError(`${path} line 1: column ${name} is missing; download the file again`);
    return at;
  });
  const items = rows.map(({ line, cells }, index): MmvpItem => {
    const [question, options, answer] = places.map((at) => cells[at]) as [string?, string?, string?];
    if (question === undefined || options === undefined || answer === undefined) {
      throw new UserError(`${path} line ${line}: found ${cells.length} cells, expected ${head?.cells.length}`);
    }
    const letter = /^\(?([ab])\)?$/i.exec(answer.trim())?.[1]?.toLowerCase();
    if (letter === undefined) {
      throw new UserError(`${path} line ${line}: field Correct Answer is ${shown(answer)}, expected (a) or (b)`);
    }
    const id = String(index + 1);
    const wrong = WRONG_LABELS.find((each) => corrected && each.id === id && each.about.test(question));
    const said = /\(a\)(.*?)\(b\)(.*)/is.exec(options);
    return {
      id,
      prompt: `${question} ${options}`,
      answer: wrong?.answer ?? answer,
      options: { a: said?.[1]?.trim() ?? "", b: said?.[2]?.trim() ?? "" },
    };
  });
  if (items.length === 0 || items.length % 2 === 1) {
    throw new UserError(`${path}: holds ${items.length} questions, expected pairs of two; download it again`);
  }
  return { path, items };
}
