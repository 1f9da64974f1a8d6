import type { BenchmarkFile } from "../benchmark.js";

/** How the objects that are asked for and absent were chosen. */
export type Split = "random" | "popular" | "adversarial";

/** Commit of the labels that LLaVA's questions and most published figures belong to. */
export const REVISION = "e3e3926";
/** Where the labels come from. */
export const LABELS_REPOSITORY = "https://github.com/AoiDragon/POPE";
/** Where LLaVA's question file comes from. */
export const QUESTIONS_REPOSITORY = "eval.zip of https://github.com/haotian-liu/LLaVA (docs/Evaluation.md)";

/** The label files by split. */
export const LABELS: Readonly<Record<Split, BenchmarkFile>> = {
  random: labels("random", 360_212, "c16b65d2df6d70bb0814c8a4375833d39cdb09928fd936d3fc546491efa37f35"),
  popular: labels("popular", 370_234, "5b16653023bf4f64d57eb0d168259de6627f5cde7538b85ebed3cc33034aa6cc"),
  adversarial: labels("adversarial", 370_459, "1d8f0906a9b50c05640f6f23abfac97523be2a1bed28f7eadc63b811699b2d26"),
};

/** LLaVA's questions of all splits. */
export const QUESTIONS: BenchmarkFile = {
  path: "llava_pope_test.jsonl",
  holds: "the questions of all splits with their categories (not needed with --option split=...)",
  bytes: 1_657_039,
  sha256: "1d3b41f0dced74b4f361c659787ef673497cfac54a6be7bde00eb405bab03c70",
  optional: true,
};

/** Data sets whose images POPE asks about. */
export const DATASETS = ["coco", "aokvqa", "gqa"] as const;
/** One of them. */
export type Dataset = (typeof DATASETS)[number];

/**
 * The label file of a split.
 *
 * @param dataset - A-OKVQA's and GQA's objects were found by SEEM, which the repository's names for them say.
 */
export function labelFile(dataset: Dataset, split: Split): BenchmarkFile {
  if (dataset === "coco") return LABELS[split];
  const [plain, seem] = [`${dataset}_pope_${split}.json`, `${dataset}_pope_seem_${split}.json`];
  return {
    path: seem,
    also: [
      plain,
      ...[dataset, `output/${dataset}`, `output/seem/${dataset}`].flatMap((at) => [`${at}/${seem}`, `${at}/${plain}`]),
    ],
    holds: `the ${split} questions about ${dataset === "gqa" ? "GQA" : "A-OKVQA"} (with --option dataset=${dataset})`,
    optional: true,
  };
}

function labels(split: Split, bytes: number, sha256: string): BenchmarkFile {
  const name = `coco_pope_${split}.json`;
  return {
    path: name,
    also: [`coco/${name}`, `output/coco/${name}`, `coco_pope_${split}.${REVISION}.json`],
    holds: `the ${split} questions with their labels`,
    bytes,
    sha256,
  };
}
