import { UserError } from "../../errors.js";
import { type FileRow, place, shown } from "../../files/rows.js";
import { answerText, type Fields, type Layout } from "./layout.js";

const NAMES = ["answer", "id", "image", "question", "group"] as const;
type Name = (typeof NAMES)[number];

/**
 * A layout that the user describes.
 *
 * @param texts - `name=field`, the field by its path, as in `answer=output.0.text`.
 * @returns The layout; it knows every row.
 * @throws UserError when a name is unknown or comes twice, or the answer or what it answers is not named.
 */
export function mappedLayout(texts: readonly string[]): Layout {
  const paths = new Map<Name, string>();
  for (const text of texts) {
    const at = text.indexOf("=");
    const name = NAMES.find((each) => each === text.slice(0, Math.max(at, 0)));
    if (name === undefined || at === text.length - 1) {
      throw new UserError(`--map is ${shown(text)}, expected name=field with a name of ${NAMES.join(", ")}`);
    }
    if (paths.has(name)) throw new UserError(`--map ${name}=... is given twice; keep one of both`);
    paths.set(name, text.slice(at + 1));
  }
  if (!paths.has("answer")) throw new UserError("--map names no answer; add --map answer=<field>");
  if (!paths.has("id") && !paths.has("image")) {
    throw new UserError("--map names no id and no image; add --map id=<field> or --map image=<field>");
  }
  return {
    name: "fields named with --map",
    marks: [...paths].map(([name, path]) => `${name}=${path}`).join(", "),
    knows: () => true,
    read(row, fields) {
      const text = (name: Name): string | undefined => {
        const path = paths.get(name);
        return path === undefined ? undefined : plainText(row, path, valueAt(row, fields, path));
      };
      const answer = paths.get("answer") as string;
      return {
        ...{ id: text("id"), image: text("image"), question: text("question"), groups: text("group")?.split(",") },
        answer: answerText(row, answer, valueAt(row, fields, answer)),
      };
    },
  };
}

function valueAt(row: FileRow, fields: Fields, path: string): unknown {
  let value: unknown = fields;
  for (const part of Object.hasOwn(fields, path) ? [path] : path.split(".")) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, part)) {
      const names = Object.keys(fields).slice(0, 8).join(", ");
      throw new UserError(`${place(row)}: field ${path} of --map is missing; found ${names}`);
    }
    value = (value as Record<string, unknown>)[part];
  }
  return value;
}

function plainText(row: FileRow, path: string, value: unknown): string {
  if (typeof value === "string" && value !== "") return value;
  if (typeof value === "number" && Number.isSafeInteger(value)) return String(value);
  throw new UserError(`${place(row)}: field ${path} of --map is ${shown(value)}, expected text or a whole number`);
}
