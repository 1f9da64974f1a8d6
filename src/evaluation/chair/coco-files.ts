import { StringDecoder } from "node:string_decoder";
import { UserError } from "../../errors.js";
import { fileBytes } from "../../files/text-file.js";

/** Characters that are kept while the end of a field is looked for; no caption is near as long. */
const KEPT = 2 ** 16;

/** A mask's image, its category, or a category's name; licences have ids and names too, but nothing above them. */
const INSTANCE = new RegExp(
  '"image_id"\\s*:\\s*(\\d+)\\b|"category_id"\\s*:\\s*(\\d+)\\b|' +
    '"supercategory"\\s*:\\s*"[^"]*"\\s*,\\s*"id"\\s*:\\s*(\\d+)\\s*,\\s*"name"\\s*:\\s*"([^"\\\\]*)"',
  "g",
);
const CAPTION = /"image_id"\s*:\s*(\d+)\b|"caption"\s*:\s*("(?:[^"\\]|\\.)*")/g;

/** An annotated object. */
export interface CocoInstance {
  image: string;
  /** Name of the category. */
  category: string;
}

/** A caption that a person wrote. */
export interface CocoCaption {
  image: string;
  caption: string;
}

/**
 * Reads the objects of COCO's `instances_*.json` without holding the file: a mask has its image before its category,
 * in every release.
 *
 * @param path - The file.
 * @throws UserError when it holds none, or a category without a name.
 */
export async function* cocoInstances(path: string): AsyncGenerator<CocoInstance, void, undefined> {
  const pending: { image: string; category: string }[] = [];
  const names = new Map<string, string>();
  let image: string | undefined;
  let category: string | undefined;
  const seen = new Set<string>();
  for await (const match of matches(path, INSTANCE)) {
    if (match[3] !== undefined) names.set(match[3], match[4] as string);
    image = match[1] ?? image;
    category = match[2] ?? category;
    if (image === undefined || category === undefined) continue;
    const key = `${image} ${category}`;
    if (!seen.has(key)) {
      seen.add(key);
      pending.push({ image, category });
    }
    image = category = undefined;
  }
  if (pending.length === 0) throw new UserError(`${path}: holds no annotation with image_id and category_id`);
  // The names stand behind the masks in the official files.
  for (const { image: at, category: id } of pending) {
    const name = names.get(id);
    if (name === undefined) throw new UserError(`${path}: field category_id is ${id}, which categories do not name`);
    yield { image: at, category: name };
  }
}

/**
 * Reads COCO's `captions_*.json` without holding the file.
 *
 * @param path - The file.
 * @throws UserError when it holds no captions.
 */
export async function* cocoCaptions(path: string): AsyncGenerator<CocoCaption, void, undefined> {
  let image: string | undefined;
  let count = 0;
  for await (const match of matches(path, CAPTION)) {
    image = match[1] ?? image;
    if (match[2] === undefined || image === undefined) continue;
    count += 1;
    yield { image, caption: captionOf(path, match[2]) };
    image = undefined;
  }
  if (count === 0) throw new UserError(`${path}: holds no annotation with image_id and caption`);
}

function captionOf(path: string, json: string): string {
  try {
    return JSON.parse(json) as string;
  } catch {
    throw new UserError(`${path}: a caption is not JSON; download the file again`);
  }
}

async function* matches(path: string, pattern: RegExp): AsyncGenerator<RegExpExecArray, void, undefined> {
  const decoder = new StringDecoder("utf8");
  let text = "";
  for await (const bytes of fileBytes(path)) {
    text += decoder.write(bytes);
    let done = 0;
    pattern.lastIndex = 0;
    for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
      // A match at the very end may go on in the next piece.
      if (pattern.lastIndex === text.length) break;
      yield match;
      done = pattern.lastIndex;
    }
    text = text.slice(Math.max(done, text.length - KEPT));
  }
}
