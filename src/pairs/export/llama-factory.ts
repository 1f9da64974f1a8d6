import { join } from "node:path";
import { writeAtomically } from "../../files/write-atomically.js";
import type { PairRow } from "../pair-row.js";
import { carriedFields } from "./carried-fields.js";
import type { Exporter } from "./exporter.js";
import { writeJsonRows } from "./json-rows.js";
import { ImageFolder } from "./image-folder.js";
import { makeFolder } from "../../files/writable.js";

const INFO = {
  pairs: {
    file_name: "pairs.json",
    formatting: "sharegpt",
    ranking: true,
    columns: { messages: "conversations", chosen: "chosen", rejected: "rejected", images: "images" },
  },
};

/** A `dataset_dir` of LLaMA-Factory; it has no place for a contrast image and passes that column over. */
export const llamaFactory: Exporter = {
  name: "llama-factory",
  about: "a dataset_dir with dataset_info.json, pairs.json (ShareGPT) and images for LLaMA-Factory",
  documentation: "https://github.com/hiyouga/LLaMA-Factory/blob/main/data/README.md",
  folder: true,
  incomplete: false,
  write: async (rows, out) => {
    await makeFolder(out);
    await writeJsonRows(join(out, "pairs.json"), "array", shareGptRows(rows, new ImageFolder(out)));
    await writeAtomically(join(out, "dataset_info.json"), `${JSON.stringify(INFO, null, 2)}\n`);
  },
};

async function* shareGptRows(rows: AsyncIterable<PairRow>, images: ImageFolder): AsyncGenerator<object> {
  for await (const row of rows) {
    yield {
      conversations: [{ from: "human", value: `${"<image>".repeat(row.images.length)}${row.prompt}` }],
      chosen: { from: "gpt", value: row.chosen },
      rejected: { from: "gpt", value: row.rejected },
      images: await images.addAll(row.images),
      ...(row.rejectedImages === null ? {} : { rejected_images: await images.addAll(row.rejectedImages) }),
      ...carriedFields(row),
    };
  }
}
