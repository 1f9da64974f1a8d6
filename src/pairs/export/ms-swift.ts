import { join } from "node:path";
import type { PairRow } from "../pair-row.js";
import { carriedFields } from "./carried-fields.js";
import type { Exporter } from "./exporter.js";
import { writeJsonRows } from "./json-rows.js";
import { ImageFolder } from "./image-folder.js";
import { makeFolder } from "../../files/writable.js";

/** Rows of ms-swift with image files beside them; set ROOT_IMAGE_DIR to the folder when training. */
export const msSwift: Exporter = {
  name: "ms-swift",
  about: "a folder with pairs.jsonl and images for ms-swift",
  documentation: "https://swift.readthedocs.io/en/latest/Customization/Custom-dataset.html",
  folder: true,
  incomplete: false,
  write: async (rows, out) => {
    await makeFolder(out);
    await writeJsonRows(join(out, "pairs.jsonl"), "lines", swiftRows(rows, new ImageFolder(out)));
  },
};

async function* swiftRows(rows: AsyncIterable<PairRow>, images: ImageFolder): AsyncGenerator<object> {
  for await (const row of rows) {
    yield {
      messages: [
        { role: "user", content: `${"<image>".repeat(row.images.length)}${row.prompt}` },
        { role: "assistant", content: row.chosen },
      ],
      images: await images.addAll(row.images),
      rejected_response: row.rejected,
      ...(row.rejectedImages === null ? {} : { rejected_images: await images.addAll(row.rejectedImages) }),
      ...carriedFields(row),
    };
  }
}
