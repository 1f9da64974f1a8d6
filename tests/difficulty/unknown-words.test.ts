import { expect } from "chai";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { unknownWordCounter } from "../../src/difficulty/unknown-words.js";
import { EMBEDDED_MODEL_FOLDER } from "../../src/package-root.js";

describe("words that a model does not know", () => {
  it("are counted where its tokens are whole words", async () => {
    const count = await unknownWordCounter(EMBEDDED_MODEL_FOLDER);
    expect(count?.("Describe the picture.")).to.deep.equal({ words: 3, unknown: 0 });
    // Both read as the same tokens: an article and three unknown words.
    expect(count?.("a chestnut stallion gallops")).to.deep.equal({ words: 4, unknown: 3 });
    expect(count?.("")).to.deep.equal({ words: 0, unknown: 0 });
  });

  it("are not spoken of where words are made of smaller tokens, or nothing is known of them", async () => {
    const folder = await mkdtemp(join(tmpdir(), "scpo-words-"));
    expect(await unknownWordCounter(folder)).to.equal(null);
    await writeFile(join(folder, "tokenizer.json"), JSON.stringify({ model: { type: "BPE", vocab: { a: 1 } } }));
    expect(await unknownWordCounter(folder)).to.equal(null);
    await rm(folder, { recursive: true });
  });
});
