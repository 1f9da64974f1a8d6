import { expect } from "chai";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import sharp from "sharp";
import type { ImportSettings } from "../../src/pairs/import/importer.js";
import { importPairs } from "../../src/pairs/import/import-pairs.js";
import { importerNamed } from "../../src/pairs/import/registry.js";
import type { PairRow } from "../../src/pairs/pair-row.js";
import { streamPairRows } from "../../src/pairs/pair-rows.js";

describe("layouts of sets", function () {
  this.timeout(30_000);
  let home: string;
  let folder: string;
  let png: Buffer;
  before(async () => {
    png = await sharp({ create: { width: 20, height: 10, channels: 3, background: { r: 10, g: 200, b: 30 } } })
      .png()
      .toBuffer();
  });
  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), "scpo-layouts-"));
    folder = join(home, "set");
    await mkdir(folder);
    await writeFile(join(folder, "a.png"), png);
  });
  afterEach(() => rm(home, { recursive: true }));

  async function imported(
    source: string,
    settings: Partial<ImportSettings> = {},
    format = "jsonl",
  ): Promise<PairRow[]> {
    const base = { imageFolders: [folder], prompt: "?", dropSystem: false, ignore: [] };
    const out = join(home, "out.parquet");
    await importPairs({ importer: importerNamed(format), source, out, settings: { ...base, ...settings } });
    const rows: PairRow[] = [];
    for await (const row of streamPairRows(out)) rows.push(row);
    return rows;
  }
  const line = (caption: string, image: unknown = "a.png"): string => `${JSON.stringify({ image, caption })}\n`;
  const captions = (rows: readonly PairRow[]): string[] => rows.map(({ chosen }) => chosen);

  it("reads the links of a hub's cache", async () => {
    await mkdir(join(home, "blobs"));
    await writeFile(join(home, "blobs", "0a1b"), line("a dog"));
    await symlink(join(home, "blobs", "0a1b"), join(folder, "rows.jsonl"));
    expect(captions(await imported(folder))).to.deep.equal(["a dog"]);
  });

  it("reads one split of a folder, and never several by chance", async () => {
    await writeFile(join(folder, "train-0.jsonl"), line("one"));
    await writeFile(join(folder, "train-1.jsonl"), line("two"));
    await mkdir(join(folder, "test"));
    await writeFile(join(folder, "test", "rows.jsonl"), line("three"));
    const refused = async (split?: string): Promise<string> =>
      ((await imported(folder, { split }).catch((error: unknown) => error)) as Error).message;
    expect(await refused()).to.equal(`${folder}: holds the splits test, train; name one with --split, or all`);
    expect(await refused("validation")).to.match(
      /^--split: .* has none called validation, found the splits test, train/,
    );
    expect(captions(await imported(folder, { split: "train" }))).to.deep.equal(["one", "two"]);
    expect(captions(await imported(folder, { split: "test" }))).to.deep.equal(["three"]);
    expect(await imported(folder, { split: "all" })).to.have.length(3);
  });

  it("reads an object with an array of data, and fields under other names", async () => {
    const source = join(folder, "rows.json");
    const rows = [
      { picture: "a.png", good: "a dog", prompt: "mine", question: "What?" },
      { picture: "a.png", good: "a cat" },
    ];
    await writeFile(source, JSON.stringify({ data: rows, version: 1 }, null, 2));
    const found = await imported(source, { map: { picture: "image", good: "chosen", question: "prompt" } });
    expect(found.map(({ prompt, chosen }) => [prompt, chosen])).to.deep.equal([
      ["What?", "a dog"],
      ["?", "a cat"],
    ]);
  });

  it("takes pictures as data URIs of any case and parameters, addresses of files, and base64 in objects", async () => {
    const base64 = png.toString("base64");
    const cells = [
      `DATA:image/png;base64,${base64}`,
      `data:image/png;charset=utf-8;base64,${base64}`,
      pathToFileURL(join(folder, "a.png")).href,
      { bytes: base64, path: null },
    ];
    const source = join(folder, "rows.jsonl");
    await writeFile(source, cells.map((cell, at) => line(`dog ${at}`, cell)).join(""));
    const rows = await imported(source);
    expect(rows).to.have.length(cells.length);
    for (const { images } of rows) expect(Buffer.from(images[0] as Uint8Array).equals(png)).to.equal(true);
    // An address leads out of the folder no more than a path does.
    await writeFile(join(home, "secret.png"), png);
    await writeFile(source, line("dog", pathToFileURL(join(home, "secret.png")).href) + line("cat"));
    expect(captions(await imported(source))).to.deep.equal(["cat"]);
  });

  it("makes PNG files of GIF, TIFF and AVIF ones", async () => {
    const made = await Promise.all(
      (["gif", "tiff", "avif"] as const).map(async (format) => {
        await writeFile(join(folder, `b.${format}`), await sharp(png).toFormat(format, { quality: 100 }).toBuffer());
        return line(format, `b.${format}`);
      }),
    );
    const source = join(folder, "rows.jsonl");
    await writeFile(source, made.join(""));
    const rows = await imported(source);
    expect(captions(rows)).to.deep.equal(["gif", "tiff", "avif"]);
    for (const { images } of rows) {
      const image = sharp(images[0]);
      const { format, width, height } = await image.metadata();
      expect([format, width, height]).to.deep.equal(["png", 20, 10]);
      const [red, green, blue] = await image.removeAlpha().raw().toBuffer();
      for (const [at, value] of [10, 200, 30].entries()) expect([red, green, blue][at]).to.be.closeTo(value, 6);
    }
  });

  it("reads ms-swift's rejected response as messages", async () => {
    const source = join(folder, "rows.jsonl");
    const messages = [
      { role: "user", content: "<image>What?" },
      { role: "assistant", content: "a dog" },
    ];
    const row = { messages, images: ["a.png"], rejected_response: [{ role: "assistant", content: "a cat" }] };
    await writeFile(source, `${JSON.stringify(row)}\n`);
    const [found] = await imported(source, {}, "ms-swift");
    expect(found).to.include({ chosen: "a dog", rejected: "a cat" });
  });
});
