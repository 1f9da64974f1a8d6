import type { BenchmarkFile } from "../benchmark.js";

/** Where AMBER's files come from. */
export const REPOSITORY = "https://github.com/junyangwang0410/AMBER";
/** Its commit that sizes, hashes and figures belong to. */
export const REVISION = "534babf";

/** What is true of each question. */
export const ANNOTATIONS: BenchmarkFile = file("annotations.json", "data", {
  holds: "the truth of every question",
  bytes: 1_813_301,
  sha256: "db22a436c4836fbb295e60b4e80d519573077579fb7032f01b193c1bd022b797",
});

/** Which words stand for which. */
export const RELATION: BenchmarkFile = file("relation.json", "data", {
  holds: "the vocabulary and which of its words stand for which",
  bytes: 12_699,
  sha256: "c4c1491e9bbc3209abc1888c12a1bf8413bdbab8a0d8be04b990a2e7680cf23e",
});

/** Words that are never held against an answer. */
export const SAFE_WORDS: BenchmarkFile = file("safe_words.txt", "data", {
  holds: "words that are no hallucination anywhere",
  bytes: 57,
  sha256: "f92cf1123f4578a2630832fac3e6ac4de36212ea55859d3bed4fd233723f4043",
});

/** The questions with their images. */
export const QUERIES: BenchmarkFile = file("query_all.json", "data/query", {
  holds: "the questions and their images",
  bytes: 1_844_750,
  sha256: "127680ae61f7d4a92d2f7f07a8deaec07f0689b194d2c7c0f41ead7bd2c5bcf5",
});

function file(path: string, folder: string, rest: Omit<BenchmarkFile, "path" | "also">): BenchmarkFile {
  const folders = folder.split("/").map((_, at, all) => all.slice(at).join("/"));
  return { path, also: folders.map((each) => `${each}/${path}`), ...rest };
}
