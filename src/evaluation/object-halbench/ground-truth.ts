import { join } from "node:path";
import { UserError } from "../../errors.js";
import { readJsonFile, shown } from "../../files/rows.js";
import { findFile, requireFile } from "../benchmark-files.js";
import type { BenchmarkFile } from "../benchmark.js";
import { cocoElements } from "./coco-members.js";
import type { ObjectNames } from "./objects.js";

/** Objects by image. */
export const TRUTH: BenchmarkFile = {
  path: "ground_truth.json",
  also: ["coco2014_ground_truth.json"],
  holds: "objects by image id, read in place of COCO's annotations where it is there",
  optional: true,
};
const COCO = "https://cocodataset.org, annotations_trainval2014.zip";
/** COCO's annotations, from which the objects follow. */
export const COCO_FILES: readonly BenchmarkFile[] = ["val", "train"].flatMap((split) =>
  ["instances", "captions"].map((kind) => ({
    path: join("annotations", `${kind}_${split}2014.json`),
    also: [`${kind}_${split}2014.json`],
    holds: `COCO's ${kind}${split === "val" ? "" : "; needed only for images of the training split"}`,
    optional: true,
  })),
);

/** Where the objects of images come from. */
export interface TruthFiles {
  paths: string[];
  kind: "table" | "coco";
}

/**
 * Finds the files from which the objects of images follow.
 *
 * @param folder - Of annotations.
 * @throws UserError when there are none.
 */
export async function findTruth(folder: string): Promise<TruthFiles> {
  const table = await findFile(folder, TRUTH);
  if (table !== null) return { paths: [table], kind: "table" };
  const paths: string[] = [];
  for (const [index, file] of COCO_FILES.entries()) {
    const path = index < 2 ? await requireFile(folder, file, COCO) : await findFile(folder, file);
    if (path !== null) paths.push(path);
  }
  return { paths, kind: "coco" };
}

/**
 * Reads which objects are in images.
 *
 * @param files - As found.
 * @param images - Ids of the images.
 * @param names - Finds objects in captions.
 * @returns Objects by image.
 * @throws UserError when the files do not hold an image.
 */
export async function readTruth(
  files: TruthFiles,
  images: ReadonlySet<string>,
  names: ObjectNames,
): Promise<Map<string, ReadonlySet<string>>> {
  const truth =
    files.kind === "table" ? await fromTable(files.paths[0] as string) : await fromCoco(files, images, names);
  for (const image of images) {
    if (truth.has(image)) continue;
    throw new UserError(`${files.paths.join(", ")}: image ${shown(image)} of the answers is not there; get all files`);
  }
  return truth;
}

async function fromTable(path: string): Promise<Map<string, ReadonlySet<string>>> {
  const value = await readJsonFile(path);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new UserError(`${path}: found ${shown(value)}, expected an object of lists by image id`);
  }
  return new Map(
    Object.entries(value).map(([image, objects]) => {
      if (Array.isArray(objects) && objects.every((each) => typeof each === "string")) return [image, new Set(objects)];
      throw new UserError(`${path}: field ${image} is ${shown(objects)}, expected a list of objects`);
    }),
  );
}

async function fromCoco(
  { paths }: TruthFiles,
  images: ReadonlySet<string>,
  names: ObjectNames,
): Promise<Map<string, ReadonlySet<string>>> {
  const truth = new Map<string, Set<string>>();
  const of = (image: string): Set<string> => {
    let objects = truth.get(image);
    if (objects === undefined) truth.set(image, (objects = new Set()));
    return objects;
  };
  for (const path of paths) {
    // The categories stand behind what refers to them.
    const categories = new Map<string, string>();
    const seen: [image: string, category: string][] = [];
    for await (const { list, bytes } of cocoElements(path, ["annotations", "categories"])) {
      const text = bytes.toString("utf8");
      const image = /"image_id"\s*:\s*(\d+)/.exec(text)?.[1];
      if (list === "annotations" && (image === undefined || !images.has(image))) continue;
      const element = parsed(text, path);
      if (list === "categories") categories.set(String(element["id"]), String(element["name"]));
      else if (typeof element["caption"] === "string") {
        for (const { object } of names.inText(element["caption"])) of(image as string).add(object);
        of(image as string);
      } else seen.push([image as string, String(element["category_id"])]);
    }
    for (const [image, category] of seen) {
      const name = categories.get(category);
      if (name === undefined)
        throw new UserError(`${path}: category ${shown(category)} has no name; download the file again`);
      of(image).add(names.object(name));
    }
  }
  return truth;
}

function parsed(text: string, path: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    throw new UserError(`${path}: ${shown(text)} is not JSON; download the file again`);
  }
}
