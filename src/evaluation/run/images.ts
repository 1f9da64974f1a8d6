import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { dirname, isAbsolute, relative, resolve, sep } from "node:path";
import { UserError } from "../../errors.js";
import { sha256File } from "../../files/sha256.js";
import type { Benchmark, Prompt } from "../benchmark.js";
import { damageOf } from "./damaged-images.js";

/** The images of a benchmark's questions. */
export interface Images {
  /** How many. */
  count: number;
  /** SHA-256 over names and contents, or of the file that holds them, lower-case hex. */
  sha256: string;
  /** Absolute path by a prompt's image name; empty where one file holds them. */
  paths: ReadonlyMap<string, string>;
  /** The Parquet file that holds them, as a request for answers names it. */
  table?: { dataset: { path: string; sha256: string }; imageColumn: string };
  /** Images that are left out since they cannot be decoded. */
  damaged: ReadonlySet<string>;
}

/**
 * Where a benchmark's images lie: in a folder of the user's, or beside the annotations that hold them.
 *
 * @param images - As the user names it; undefined when not named.
 * @param field - What the user would name it with.
 * @throws UserError when it is missing, or named though the annotations hold the images.
 */
export function imageFolder(
  { name, imageColumn }: Benchmark,
  annotations: string,
  images: string | undefined,
  field: string,
): string {
  if (imageColumn === undefined) {
    if (images !== undefined) return resolve(images);
    throw new UserError(`${field} is missing; expected the folder with the images of ${name}`);
  }
  if (images === undefined) return dirname(resolve(annotations));
  throw new UserError(`${field} is ${images}, but the annotations of ${name} hold its images: leave it out`);
}

/**
 * Finds, hashes and decodes the images that questions are about; a question without an image needs none. Those that the
 * annotations hold are taken as they are.
 *
 * @param benchmark - Tells whether its annotations hold the images.
 * @param prompts - The questions; an empty image name means no image.
 * @param where - The annotations, and the folder of the images.
 * @param options.skipDamaged - Leave images out that cannot be decoded.
 * @param options.onProgress - Hears how many images are hashed.
 * @throws UserError when images are missing or damaged, named by the first, or a name leads out of the folder.
 */
export async function findImages(
  { imageColumn }: Pick<Benchmark, "imageColumn">,
  prompts: readonly Prompt[],
  { annotations, folder }: { annotations: string; folder: string },
  options: { skipDamaged?: boolean; onProgress?: (done: number, total: number) => void } = {},
): Promise<Images> {
  if (imageColumn !== undefined) {
    const path = resolve(annotations);
    const sha256 = await sha256File(path);
    const count = new Set(prompts.map(({ image }) => image)).size;
    return { count, sha256, paths: new Map(), table: { dataset: { path, sha256 }, imageColumn }, damaged: new Set() };
  }
  const all = await requireImages(prompts, folder);
  const paths = new Map<string, string>();
  const damaged = new Map<string, string>();
  const hash = createHash("sha256");
  for (const [name, path] of all) {
    const damage = await damageOf(path);
    if (damage === null) {
      paths.set(name, path);
      hash.update(`${JSON.stringify(name)} ${await sha256File(path)}\n`);
    } else damaged.set(name, damage);
    options.onProgress?.(paths.size + damaged.size, all.size);
  }
  const [first] = damaged;
  if (first !== undefined && options.skipDamaged !== true) {
    const asking = prompts.find(({ image }) => image === first[0]);
    throw new UserError(
      `images: ${damaged.size} of ${all.size} cannot be decoded in ${folder}, the first is ${first[0]} ` +
        `(asked for by ${String(asking?.id)}: ${first[1]}): get them again, or leave their questions out with --skip-damaged`,
    );
  }
  return { count: paths.size, sha256: hash.digest("hex"), paths, damaged: new Set(damaged.keys()) };
}

/**
 * Finds the images that questions are about, without reading them.
 *
 * @returns Absolute path by a prompt's image name.
 * @throws UserError as `findImages`.
 */
export async function requireImages(prompts: readonly Prompt[], folder: string): Promise<Map<string, string>> {
  const root = resolve(folder);
  if (!(await stat(root).catch(() => undefined))?.isDirectory()) {
    throw new UserError(`images: ${folder} is no folder, expected the one with the benchmark's images`);
  }
  const asked = new Map<string, Prompt>();
  for (const prompt of prompts) if (prompt.image !== "" && !asked.has(prompt.image)) asked.set(prompt.image, prompt);
  const paths = new Map([...asked].map(([name, prompt]) => [name, inside(root, name, prompt)]));
  await checkPresent(paths, asked, folder);
  return paths;
}

async function checkPresent(
  paths: ReadonlyMap<string, string>,
  asked: ReadonlyMap<string, Prompt>,
  folder: string,
): Promise<void> {
  const missing: string[] = [];
  for (const [name, path] of paths) {
    if (!(await stat(path).catch(() => undefined))?.isFile()) missing.push(name);
  }
  const [first] = missing;
  if (first === undefined) return;
  throw new UserError(
    `images: ${missing.length} of ${paths.size} are missing in ${folder}, the first is ${first} ` +
      `(asked for by ${String(asked.get(first)?.id)}): check --images`,
  );
}

function inside(root: string, name: string, prompt: Prompt): string {
  const path = resolve(root, name);
  const way = relative(root, path);
  if (isAbsolute(name) || way === "" || way === ".." || way.startsWith(`..${sep}`)) {
    throw new UserError(
      `images: question ${String(prompt.id)} names ${JSON.stringify(name)}, expected a path within the folder of images`,
    );
  }
  return path;
}
