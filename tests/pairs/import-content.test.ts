import { expect } from "chai";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { exportPairs } from "../../src/pairs/export/export-pairs.js";
import { EXPORTERS } from "../../src/pairs/export/registry.js";
import type { ImportSettings } from "../../src/pairs/import/importer.js";
import { importFiles, importPairs, type ImportSummary } from "../../src/pairs/import/import-pairs.js";
import { importerNamed } from "../../src/pairs/import/registry.js";
import { completeFiles, completePairs } from "../../src/pairs/making/complete-pairs.js";
import type { PairRow } from "../../src/pairs/pair-row.js";
import { streamPairRows, writePairRows } from "../../src/pairs/pair-rows.js";
import { readTable } from "../../src/pairs/table.js";
import { bareRow } from "./bare-row.js";

describe("what a row says beside its pair", function () {
  this.timeout(30_000);
  let folder: string;
  let out: string;
  let picture: Buffer;
  before(async () => {
    picture = await sharp({ create: { width: 40, height: 40, channels: 3, background: "red" } })
      .png()
      .toBuffer();
  });
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "scpo-content-"));
    out = join(folder, "out", "pairs.parquet");
    await mkdir(join(folder, "in"));
    await writeFile(join(folder, "in", "a.png"), picture);
    await writeFile(join(folder, "in", "b.png"), picture);
  });
  afterEach(() => rm(folder, { recursive: true }));

  async function imported(
    format: string,
    rows: object[],
    settings: Partial<ImportSettings> = {},
    info?: object,
  ): Promise<{ summary: ImportSummary; rows: PairRow[]; faults: string[] }> {
    const source = join(folder, "in", "rows.jsonl");
    await writeFile(source, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
    if (info !== undefined) await writeFile(join(folder, "in", "dataset_info.json"), JSON.stringify({ set: info }));
    const base = { imageFolders: [join(folder, "in")], prompt: "?", dropSystem: false, ignore: [] };
    const summary = await importPairs({
      importer: importerNamed(format),
      source,
      out,
      settings: { ...base, ...settings },
    });
    const found: PairRow[] = [];
    for await (const row of streamPairRows(out)) found.push(row);
    const text = await readFile(importFiles(out).quarantine, "utf8").catch(() => "");
    const faults = text
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as { line: number; field: string; reason: string })
      .map(({ line, field, reason }) => `${line} ${field}: ${reason}`);
    return { summary, rows: found, faults };
  }

  const talk = (answer: string): object[] => [
    { role: "user", content: "<image>What?" },
    { role: "assistant", content: answer },
  ];
  const bad = (field: string, value: string): string =>
    `${field}: is ${value}: the answer is marked as bad and cannot be chosen; leave the field out with --ignore ${field} if it means something else`;

  it("never takes an answer that is marked as bad for the chosen one", async () => {
    const swift = [true, false, 1, 0].map((label) => ({ messages: talk("a dog"), images: ["a.png"], label }));
    const { rows, faults } = await imported("ms-swift", swift);
    expect(rows).to.have.length(2);
    expect(faults).to.deep.equal([`2 ${bad("label", "false")}`, `4 ${bad("label", "0")}`]);

    const info = {
      file_name: "rows.jsonl",
      formatting: "sharegpt",
      columns: { messages: "messages", images: "images", kto_tag: "good" },
      tags: { role_tag: "role", content_tag: "content", user_tag: "user", assistant_tag: "assistant" },
    };
    const factory = [true, false].map((good) => ({ messages: talk("a cat"), images: ["a.png"], good }));
    expect((await imported("llama-factory", factory, {}, info)).faults).to.deep.equal([`2 ${bad("good", "false")}`]);

    const trl = [true, false].map((label) => ({ image: "a.png", prompt: "What?", completion: "a cow", label }));
    const unpaired = await imported("trl", trl);
    expect(unpaired.rows.map(({ chosen, rejected }) => [chosen, rejected])).to.deep.equal([["a cow", null]]);
    expect(unpaired.faults).to.deep.equal([`2 ${bad("label", "false")}`]);
  });

  it("refuses videos, earlier turns and system messages by their fields", async () => {
    const row = { image: "a.png", prompt: "What?", chosen: "a dog", rejected: "a cat" };
    const rows = [
      row,
      { ...row, videos: ["a.mp4"] },
      { ...row, history: [["Who?", "I."]] },
      { ...row, system: "Be brief." },
      { ...row, videos: [], history: [], system: "" },
    ];
    const { faults, summary } = await imported("trl", rows);
    expect(faults).to.deep.equal([
      "2 videos: holds a list of 1, and a pair is of pictures; leave it out with --ignore videos",
      "3 history: holds a list of 1, and a pair has one question; leave it out with --ignore history",
      "4 system: is there, and a pair has no place for it; leave it out with --drop-system",
    ]);
    expect(summary).to.deep.include({ written: 2, extra: {}, leftOut: {} });
    const left = await imported("trl", rows, { dropSystem: true, ignore: ["videos", "history"] });
    expect(left.summary.written).to.equal(5);

    const info = { file_name: "rows.jsonl", columns: { prompt: "q", response: "a", images: "image", system: "role" } };
    const alpaca = { q: "What?", a: "a dog", image: "a.png" };
    const factory = await imported("llama-factory", [alpaca, { ...alpaca, role: "Be." }], {}, info);
    expect(factory.faults).to.deep.equal([
      "2 role: is there, and a pair has no place for it; leave it out with --drop-system",
    ]);
  });

  it("keeps every other field, through completion and every export, and says what it cannot keep", async () => {
    const row = { image: "a.png", rejected_image: "b.png", prompt: "What?", chosen: "a dog", rejected: "a cat" };
    const own = { dataset: "mine", clip: 0.5, tags: ["x"], who: { name: "Ann" } };
    const { summary, rows } = await imported("trl", [
      { ...row, ...own, page: "x".repeat(70_000) },
      { ...row, dataset: null },
    ]);
    expect(rows.map(({ extra }) => extra)).to.deep.equal([own, null]);
    expect(summary).to.deep.include({
      extra: { dataset: 1, clip: 1, tags: 1, who: 1 },
      leftOut: { page: 1 },
    });
    const done = join(folder, "done.parquet");
    await completePairs({ source: out, out: done, seed: 1, ways: [], band: [-1, 1] });
    for (const exporter of EXPORTERS) {
      const to = join(folder, `to-${exporter.name}${exporter.folder ? "" : ".parquet"}`);
      await exportPairs({ exporter, pairs: done, out: to, skipIncomplete: false });
      const again = join(folder, "again.parquet");
      await importPairs({
        importer: importerNamed(exporter.name === "parquet" ? "jsonl" : exporter.name),
        source: to,
        out: again,
        settings: { imageFolders: [exporter.folder ? to : folder], prompt: "?", dropSystem: false, ignore: [] },
      });
      const found: PairRow[] = [];
      for await (const each of streamPairRows(again)) found.push(each);
      expect(found[0]?.extra, exporter.name).to.deep.equal(own);
    }
  });

  it("keeps the user's own columns when a file is completed or exported", async () => {
    const source = join(folder, "own.parquet");
    const rows = [1, 2].map((number) =>
      bareRow({ id: `${number}`, images: [picture], chosen: "a dog", rejected: "a cat", own: { clip: number / 4 } }),
    );
    await writePairRows(source, rows, [{ name: "clip", kind: "double", optional: true }]);
    await completePairs({ source, out, seed: 1, ways: [], band: [-1, 1] });
    const to = join(folder, "exported.parquet");
    for (const exporter of EXPORTERS.filter(({ folder: isFolder }) => !isFolder)) {
      await exportPairs({ exporter, pairs: out, out: to, skipIncomplete: false });
      const clips = await readTable(to, [{ name: "clip", kind: "double", optional: true }]);
      expect(clips, exporter.name).to.deep.equal([{ clip: 0.25 }, { clip: 0.5 }]);
    }
  });

  it("makes no text for a contrast picture of which nothing is known", async () => {
    const source = join(folder, "half.parquet");
    const half = { images: [picture], chosen: "A brown dog lies on a red sofa." };
    await writePairRows(source, [
      bareRow({ id: "one", ...half, rejectedImages: [picture] }),
      bareRow({ id: "two", ...half }),
    ]);
    const summary = await completePairs({ source, out, seed: 1, ways: [], band: [-1, 1] });
    expect(summary).to.include({ written: 1, quarantined: 1 });
    expect(await readFile(completeFiles(out).quarantine, "utf8")).to.match(
      /"id":"one","field":"rejected","reason":"is missing beside a contrast picture/,
    );
  });

  it("finds markers and unusable texts, each in its row", async () => {
    const row = { image: "a.png", prompt: "<image>What?", chosen: "a dog", rejected: "a cat" };
    const { rows, faults } = await imported("jsonl", [
      row,
      { ...row, prompt: "What is <image> this?" },
      { ...row, chosen: "<image> a dog" },
      { ...row, rejected: "a cat</s>" },
      { ...row, rejected: "\u200B" },
      { ...row, chosen: "caf\u00e9", rejected: "cafe\u0301" },
      { ...row, chosen: "a \ud83d dog" },
    ]);
    expect(rows.map(({ prompt }) => prompt)).to.deep.equal(["What?"]);
    expect(faults).to.deep.equal([
      "2 prompt: holds the marker <image>; a question has one picture, marked at its beginning or end or not at all",
      "3 chosen: holds the marker <image>, expected plain text",
      "4 rejected: holds the marker </s>, expected plain text",
      "5 rejected: holds nothing that can be seen, expected text",
      '6 chosen and rejected: both look like "caf\u00e9", expected two texts that differ in one fact',
      "7 chosen: holds half a character (a lone surrogate), expected whole Unicode characters",
    ]);
  });
});
