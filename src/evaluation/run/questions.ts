import { createHash } from "node:crypto";
import { UserError } from "../../errors.js";
import { type Benchmark, type Prompt, requireOptions } from "../benchmark.js";
import { readImageList } from "./image-list.js";

/** Questions of a benchmark, in its own order. */
export interface Questions {
  prompts: readonly Prompt[];
  /** SHA-256 over ids, image names and texts, lower-case hex. */
  sha256: string;
  /** The list that the images were taken from, where there is one. */
  imageList?: { images: number; sha256: string };
}

/** Which questions of a benchmark are asked, beside a sample. */
export interface QuestionChoice {
  /** File that lists the images to ask about; see `readImageList`. */
  imageList?: string | undefined;
  /** Options of the benchmark's own. */
  options?: Readonly<Record<string, string>> | undefined;
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
 * @param choice - A list of images in place of a sample, and options of the benchmark's own.
 * @throws UserError when its files hold no questions or too few images, or one of them is missing or wrong.
 */
export async function readQuestions(
  benchmark: Benchmark,
  annotations: string,
  sample?: ImageSample,
  choice: QuestionChoice = {},
): Promise<Questions> {
  if (benchmark.prompts === undefined || benchmark.answerRow === undefined) {
    throw new UserError(
      `benchmark: found ${benchmark.name}, whose files hold no questions; expected one that can be run ` +
        "(scpo eval benchmarks lists them)",
    );
  }
  const all: Prompt[] = [];
  const { imageList, options = {} } = choice;
  requireOptions(benchmark, options);
  for await (const prompt of benchmark.prompts(annotations, options)) all.push(prompt);
  if (all.length === 0) {
    throw new UserError(
      `${annotations}: found no questions of ${benchmark.name}, expected at least one: check the folder`,
    );
  }
  if (imageList === undefined) return hashed(sample === undefined ? all : sampled(all, sample));
  if (sample !== undefined)
    throw new UserError("--image-list names the images, and --sample draws some; leave one out");
  const { images, sha256 } = await readImageList(imageList, all);
  const prompts = all.filter(({ image }) => images.has(image));
  return { ...hashed(prompts), imageList: { images: images.size, sha256 } };
}

/** Questions without those about some images. */
export function withoutImages(
  questions: Questions,
  images: ReadonlyMap<string, string> | ReadonlySet<string>,
): Questions {
  if (images.size === 0) return questions;
  return { ...questions, ...hashed(questions.prompts.filter(({ image }) => !images.has(image))) };
}

function hashed(prompts: readonly Prompt[]): Questions {
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
