import { createHash } from "node:crypto";
import { UserError } from "../../errors.js";
import type { Benchmark, Prompt } from "../benchmark.js";

/** Questions of a benchmark, in its own order. */
export interface Questions {
  prompts: readonly Prompt[];
  /** SHA-256 over ids, image names and texts, lower-case hex. */
  sha256: string;
}

/** A part of a benchmark's images. */
export interface ImageSample {
  /** Number of images. */
  images: number;
  seed: number;
}

/**
 * Reads what a benchmark asks.
 *
 * @param benchmark - One whose files hold questions.
 * @param annotations - Folder of its annotations.
 * @param sample - Asks only about so many images; the same ones for the same seed, whatever the model.
 * @throws UserError when its files hold no questions or too few images, or one of them is missing or wrong.
 */
export async function readQuestions(
  benchmark: Benchmark,
  annotations: string,
  sample?: ImageSample,
): Promise<Questions> {
  if (benchmark.prompts === undefined || benchmark.answerRow === undefined) {
    throw new UserError(
      `benchmark: found ${benchmark.name}, whose files hold no questions; expected one that can be run ` +
        "(scpo eval benchmarks lists them)",
    );
  }
  const all: Prompt[] = [];
  for await (const prompt of benchmark.prompts(annotations)) all.push(prompt);
  if (all.length === 0) {
    throw new UserError(
      `${annotations}: found no questions of ${benchmark.name}, expected at least one: check the folder`,
    );
  }
  const prompts = sample === undefined ? all : sampled(all, sample);
  const hash = createHash("sha256");
  for (const { id, image, text } of prompts) hash.update(`${JSON.stringify([id, image, text])}\n`);
  return { prompts, sha256: hash.digest("hex") };
}

/** The images whose hashes with the seed are lowest: a draw that knows nothing of their order. */
function sampled(all: readonly Prompt[], { images, seed }: ImageSample): Prompt[] {
  const names = [...new Set(all.map(({ image }) => image))].filter((name) => name !== "");
  if (images > names.length) {
    throw new UserError(`sample: found ${images}, expected at most the benchmark's ${names.length} images`);
  }
  const rank = (name: string) => createHash("sha256").update(`${seed} ${name}`).digest("hex");
  const ranked = names.map((name) => [rank(name), name] as const).sort(([a], [b]) => (a < b ? -1 : 1));
  const chosen = new Set(ranked.slice(0, images).map(([, name]) => name));
  return all.filter(({ image }) => chosen.has(image));
}
