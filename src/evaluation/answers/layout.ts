import { UserError } from "../../errors.js";
import { type FileRow, place, shown } from "../../files/rows.js";

/** The fields of a row. */
export type Fields = Readonly<Record<string, unknown>>;

/** An answer as somebody else's tool writes it, with whatever tells which question it answers. */
export interface PublicAnswer {
  /** What the file calls the question. */
  id?: string | undefined;
  /** Name or path of the image. */
  image?: string | undefined;
  question?: string | undefined;
  /** Parts of the benchmark that the question belongs to; one that several share stands once. */
  groups?: readonly string[] | undefined;
  answer: string;
}

/** A way in which a public tool writes answers, told by what a row holds. */
export interface Layout {
  /** What notes and errors call it. */
  name: string;
  /** Fields by which it is told, for a refusal. */
  marks: string;
  /** Whether a row is of this layout. */
  knows(fields: Fields): boolean;
  /** The answer of a row. */
  read(row: FileRow, fields: Fields): PublicAnswer;
}

/** The first of some fields that holds text or a whole number, as text. */
export function textAmong(fields: Fields, names: readonly string[]): string | undefined {
  for (const name of names) {
    const value = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (typeof value === "string" && value !== "") return value;
    if (typeof value === "number" && Number.isSafeInteger(value)) return String(value);
  }
  return undefined;
}

/** Whether a text names an image file. */
export function namesImage(text: string | undefined): boolean {
  return text !== undefined && text.length < 256 && /(?:\.(?:jpe?g|png|webp|bmp)|^COCO_\w+_\d+)$/i.test(text);
}

/**
 * Requires the answer of a row.
 *
 * @param row - Where it stands.
 * @param name - Of what should hold it.
 * @param value - What was found; null, which stands for a missing value of Python, is an answer that says nothing.
 * @throws UserError when it is no text.
 */
export function answerText(row: FileRow, name: string, value: unknown): string {
  if (value === null) return "";
  if (typeof value === "string") return value;
  if (typeof value === "number") return String(value);
  throw new UserError(`${place(row)}: field ${name} is ${shown(value)}, expected the model's answer as text`);
}
