import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { UserError } from "../../errors.js";
import { shown } from "../../files/rows.js";
import { decodeUtf8, unreadable, withoutMark } from "../../files/text-file.js";
import type { Prompt } from "../benchmark.js";

/** Fields of a row that name its image, as answer files have them. */
const FIELDS = ["image_id", "image", "image_path", "file_name"];

/** Images that a file names. */
export interface ImageList {
  images: ReadonlySet<string>;
  /** SHA-256 over the images' names in their order by letters, lower-case hex. */
  sha256: string;
}

/**
 * Reads a list of images, such as the 500 that a paper captioned: a name, path or COCO id a line, a JSON array of these,
 * or answers that name their images.
 *
 * @param path - The list.
 * @param prompts - Questions about the images.
 * @returns Names of images as the questions have them.
 * @throws UserError naming the entry that is about none of them, or about several.
 */
export async function readImageList(path: string, prompts: readonly Prompt[]): Promise<ImageList> {
  const known = new Map<string, Set<string>>();
  for (const image of new Set(prompts.map((prompt) => prompt.image))) {
    for (const name of namesOf(image)) known.set(name, (known.get(name) ?? new Set()).add(image));
  }
  const images = new Set<string>();
  for (const { where, entry } of await entriesOf(path)) {
    const found = known.get(entry) ?? known.get(String(Number(entry))) ?? new Set<string>();
    const [first, ...others] = found;
    if (first === undefined) {
      throw new UserError(
        `${where}: names ${shown(entry)}, about which nothing is asked; expected images such as ${prompts[0]?.image}`,
      );
    }
    if (others.length > 0) {
      throw new UserError(
        `${where}: names ${shown(entry)}, which may be ${first} or ${others[0]}; write the folder too`,
      );
    }
    images.add(first);
  }
  if (images.size === 0) throw new UserError(`${path}: is empty, expected an image a line`);
  const hash = createHash("sha256");
  for (const image of [...images].sort()) hash.update(`${JSON.stringify(image)}\n`);
  return { images, sha256: hash.digest("hex") };
}

/** What an image may be called: its path, file or stem, or the number that COCO's names hold. */
function namesOf(image: string): Set<string> {
  const file = image.split("/").at(-1) as string;
  const stem = file.replace(/\.\w+$/, "");
  const number = /^COCO_\w+_0*(\d+)$/.exec(stem)?.[1];
  return new Set([image, image.replace(/\.\w+$/, ""), file, stem, ...(number === undefined ? [] : [number])]);
}

interface Entry {
  where: string;
  entry: string;
}

async function entriesOf(path: string): Promise<Entry[]> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw unreadable(path, cause);
  });
  const text = withoutMark(decodeUtf8(bytes, path)).trim();
  if (text.startsWith("[")) {
    const list = parsed(text, path);
    return (list as unknown[]).map((value, at) => entryOf(value, `${path} element ${at + 1}`));
  }
  return text.split(/\r?\n/).flatMap((line, at): Entry[] => {
    if (line.trim() === "") return [];
    const where = `${path} line ${at + 1}`;
    return [line.startsWith("{") ? entryOf(parsed(line, where), where) : { where, entry: line.trim() }];
  });
}

function entryOf(value: unknown, where: string): Entry {
  const fields = typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  const entry = fields === undefined ? value : FIELDS.map((name) => fields[name]).find((each) => each !== undefined);
  if (typeof entry === "string" && entry !== "") return { where, entry };
  if (typeof entry === "number" && Number.isSafeInteger(entry)) return { where, entry: String(entry) };
  throw new UserError(
    `${where}: is ${shown(value)}, expected an image's name or id, or a row with ${FIELDS.join(" or ")}`,
  );
}

function parsed(text: string, where: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new UserError(`${where}: begins as JSON and is none (found ${shown(text)}); mend it`);
  }
}
