import { basename } from "node:path";
import { UserError } from "../../errors.js";
import { readJsonFile, shown } from "../../files/rows.js";
import { findFile } from "../benchmark-files.js";
import type { BenchmarkFile } from "../benchmark.js";
import { cocoCaptions, cocoInstances } from "./coco-files.js";
import { GROUND_TRUTH, INSTANCES, CAPTIONS } from "./files.js";
import type { ObjectWords } from "./object-words.js";

/** A split of COCO 2014. */
export type CocoSplit = "val" | "train";

/** What is in each image. */
export interface Truth {
  /** Objects by image id. */
  objects: ReadonlyMap<string, ReadonlySet<string>>;
  /** Split of each image, as far as COCO's own annotations say. */
  splits: ReadonlyMap<string, CocoSplit>;
  /** Files that it was read from. */
  inputs: readonly string[];
}

/**
 * Reads what is in each image: from a file of image ids and their objects, or else from COCO's own annotations, whose
 * masks and captions are joined as CHAIR's authors do.
 *
 * @param annotations - Folder of annotations.
 * @param words - Finds the objects of COCO's captions.
 * @param names - By every word for an object, the object.
 * @throws UserError when neither is there, or a file is malformed.
 */
export async function readTruth(
  annotations: string,
  words: ObjectWords,
  names: ReadonlyMap<string, string>,
): Promise<Truth> {
  const path = await findFile(annotations, GROUND_TRUTH);
  if (path !== null) {
    return { objects: objectsOf(path, await readJsonFile(path), names), splits: new Map(), inputs: [path] };
  }
  const [instances, captions] = [await all(annotations, INSTANCES), await all(annotations, CAPTIONS)];
  if (instances.length === 0 || captions.length === 0) {
    throw new UserError(
      `${annotations}: holds neither ${GROUND_TRUTH.path} nor COCO's ${INSTANCES[0]?.path} and ${CAPTIONS[0]?.path}; ` +
        "get COCO's from annotations_trainval2014.zip of cocodataset.org",
    );
  }
  const objects = new Map<string, Set<string>>();
  const splits = new Map<string, CocoSplit>();
  const add = (file: string, image: string, found: readonly string[]): void => {
    splits.set(image, basename(file).includes("train") ? "train" : "val");
    let known = objects.get(image);
    if (known === undefined) objects.set(image, (known = new Set()));
    for (const object of found) known.add(object);
  };
  for (const file of instances) {
    for await (const { image, category } of cocoInstances(file)) {
      const object = names.get(category);
      if (object === undefined) {
        throw new UserError(`${file}: category ${shown(category)} is not in the list of synonyms; use COCO 2014`);
      }
      add(file, image, [object]);
    }
  }
  for (const file of captions) {
    for await (const { image, caption } of cocoCaptions(file)) add(file, image, words.objects(caption));
  }
  return { objects, splits, inputs: [...instances, ...captions] };
}

async function all(annotations: string, files: readonly BenchmarkFile[]): Promise<string[]> {
  const found = await Promise.all(files.map((file) => findFile(annotations, file)));
  return found.filter((path) => path !== null);
}

function objectsOf(path: string, content: unknown, names: ReadonlyMap<string, string>): Truth["objects"] {
  if (typeof content !== "object" || content === null || Array.isArray(content)) {
    throw new UserError(`${path}: is ${shown(content)}, expected an object of image ids and their objects`);
  }
  const known = new Set(names.values());
  // Images share few sets of objects.
  const sets = new Map<string, ReadonlySet<string>>();
  const objects = new Map<string, ReadonlySet<string>>();
  for (const [image, list] of Object.entries(content)) {
    if (!Array.isArray(list)) {
      throw new UserError(`${path}: image ${shown(image)} is ${shown(list)}, expected a list of objects`);
    }
    for (const object of list) {
      if (typeof object === "string" && known.has(object)) continue;
      throw new UserError(`${path}: image ${shown(image)} holds ${shown(object)}, which the synonyms do not name`);
    }
    const key = (list as string[]).join("\n");
    let set = sets.get(key);
    if (set === undefined) sets.set(key, (set = new Set(list as string[])));
    objects.set(image, set);
  }
  if (objects.size === 0) throw new UserError(`${path}: holds no image, expected image ids and their objects`);
  return objects;
}
