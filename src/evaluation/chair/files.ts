import type { BenchmarkFile } from "../benchmark.js";

/** Where the list of synonyms comes from. */
export const REPOSITORY = "https://github.com/LisaAnne/Hallucination";
/** Its commit that the figures belong to. */
export const REVISION = "6e4d33c";

/** The list of synonyms. */
export const SYNONYMS: BenchmarkFile = {
  path: "synonyms.txt",
  also: ["data/synonyms.txt"],
  holds: "the words for COCO's 80 objects",
  bytes: 3577,
  sha256: "b685537b36fe21b791c87151b96a991ceb582edff19f3da204dcc7a7905502f2",
};

/** Image ids and their objects, as made from COCO's annotations. */
export const GROUND_TRUTH: BenchmarkFile = {
  path: "coco2014_ground_truth.json",
  also: ["ground_truth.json"],
  holds: "the objects of each image by its id (not needed beside COCO's own annotations)",
  optional: true,
};

/** COCO's masks. */
export const INSTANCES: readonly BenchmarkFile[] = ["val", "train"].map((split) => coco("instances", split));
/** COCO's captions. */
export const CAPTIONS: readonly BenchmarkFile[] = ["val", "train"].map((split) => coco("captions", split));

function coco(kind: string, split: string): BenchmarkFile {
  const path = `${kind}_${split}2014.json`;
  const holds = `COCO's ${kind === "instances" ? "masks" : "captions"} (not needed beside ${GROUND_TRUTH.path})`;
  return { path, also: [`annotations/${path}`], holds, optional: true };
}
