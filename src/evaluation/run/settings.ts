import { readFile } from "node:fs/promises";
import { z } from "zod";
import { UserError } from "../../errors.js";
import { writeAtomically } from "../../files/write-atomically.js";
import { unreadable } from "../../files/text-file.js";
import { SHA256 } from "../../generated/rules.js";

const hash = z.string().regex(SHA256.pattern, SHA256.expected);
const schema = z.strictObject({
  benchmark: z.string(),
  /** What was asked, and about which images. */
  prompts: z.strictObject({ count: z.int(), sha256: hash }),
  images: z.strictObject({ count: z.int(), sha256: hash }),
  /** Which part of the images; all when absent. */
  sample: z.strictObject({ images: z.int(), seed: z.int() }).optional(),
  /** The list that the images were taken from. */
  imageList: z.strictObject({ images: z.int(), sha256: hash }).optional(),
  /** Options of the benchmark's own. */
  options: z.record(z.string(), z.string()).optional(),
  /** Put behind every question. */
  promptSuffix: z.string().optional(),
  /** Images that could not be decoded, whose questions were left out. */
  skippedImages: z.array(z.string()).optional(),
  model: z.union([
    z.strictObject({
      /** Where it lay; models are identified by their hashes. */
      path: z.string(),
      architecture: z.string(),
      parameters: z.int(),
      weightsSha256: hash,
      /** Over the files beside the weights: configuration, tokenizer, chat template. */
      filesSha256: hash,
    }),
    z.strictObject({
      /** Where it answered; a server may move. */
      endpoint: z.string(),
      /** What the endpoint calls it. */
      name: z.string(),
    }),
  ]),
  generation: z.union([
    z.strictObject({
      decoding: z.literal("greedy"),
      /** Longest answer, in tokens. */
      maxNewTokens: z.int(),
      /** Questions a batch, in the benchmark's order. */
      batchSize: z.int(),
    }),
    z.strictObject({
      decoding: z.literal("endpoint"),
      /** Fields of each request, such as the temperature. */
      settings: z.record(z.string(), z.unknown()),
    }),
  ]),
  /** Absent where an endpoint answers. */
  trainer: z
    .strictObject({
      device: z.string(),
      threads: z.int(),
      versions: z.record(z.string(), z.string()),
    })
    .optional(),
});

/** Where a model lies says nothing about its answers. */
const PLACES = ["model.path", "model.endpoint"];

/** How answers came about: equal settings give equal answers. */
export type RunSettings = z.infer<typeof schema>;

/** Path of the settings that belong to an answer file. */
export function settingsPath(out: string): string {
  return `${out}.settings.json`;
}

/**
 * Reads the settings of an earlier run.
 *
 * @param path - As `settingsPath` gives it.
 * @returns Undefined when there are none.
 * @throws UserError when the file is damaged.
 */
export async function readSettings(path: string): Promise<RunSettings | undefined> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw unreadable(path, cause);
  }
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    throw new UserError(
      `${path}: is damaged or of another version, expected the settings of a run: choose another --out`,
    );
  }
}

/** Writes the settings of a run, complete or not at all. */
export async function writeSettings(path: string, settings: RunSettings): Promise<void> {
  await writeAtomically(path, `${JSON.stringify(schema.parse(settings), null, 2)}\n`);
}

/**
 * Compares the settings of two runs; where the model lay does not count.
 *
 * @returns The first difference in words, or undefined when answers of both may stand in one file.
 */
export function settingsDifference(earlier: RunSettings, now: RunSettings): string | undefined {
  const before = new Map(leaves(earlier));
  const after = new Map(leaves(now));
  for (const name of new Set([...before.keys(), ...after.keys()])) {
    if (PLACES.includes(name) || before.get(name) === after.get(name)) continue;
    return `${name} is ${shortened(after.get(name))}, was ${shortened(before.get(name))}`;
  }
  return undefined;
}

function* leaves(value: unknown, name = ""): Generator<[string, string]> {
  if (typeof value !== "object" || value === null) {
    yield [name, String(value)];
    return;
  }
  for (const [key, inner] of Object.entries(value)) yield* leaves(inner, name === "" ? key : `${name}.${key}`);
}

function shortened(value: string | undefined): string {
  if (value === undefined) return "absent";
  return value.length > 16 ? `${value.slice(0, 12)}...` : value;
}
