import { expect } from "chai";
import fc from "fast-check";
import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import sharp from "sharp";
import { findPython } from "../../src/backend/python.js";
import { UserError } from "../../src/errors.js";
import { exportPairs, type ExportSummary } from "../../src/pairs/export/export-pairs.js";
import { EXPORTERS, exporterNamed } from "../../src/pairs/export/registry.js";
import { importPairs } from "../../src/pairs/import/import-pairs.js";
import { importerNamed } from "../../src/pairs/import/registry.js";
import { TRUTH_SOURCES } from "../../src/pairs/contrast-pair.js";
import { type PairRow, SIGNAL_COLUMNS } from "../../src/pairs/pair-row.js";
import { streamPairRows, writePairRows } from "../../src/pairs/pair-rows.js";
import { bareRow } from "./bare-row.js";

const run = promisify(execFile);

/** The importer that reads what an exporter wrote. */
const READS: Record<string, string> = {
  trl: "trl",
  "ms-swift": "ms-swift",
  "llama-factory": "llama-factory",
  parquet: "jsonl",
};

function plain(row: PairRow): unknown {
  const bytes = (images: readonly Uint8Array[] | null): unknown =>
    images?.map((image) => Buffer.from(image).toString("hex")) ?? null;
  return { ...row, images: bytes(row.images), rejectedImages: bytes(row.rejectedImages) };
}

/** A text without what nobody sees. */
const plainText = (text: string): string => text.normalize("NFC").replaceAll(/[\p{Cf}\s]/gu, "");

describe("export", function () {
  this.timeout(120_000);
  let folder: string;
  let pictures: Uint8Array[];
  let pairs: string;
  before(async () => {
    pictures = await Promise.all(
      (["png", "jpeg", "webp"] as const).map(async (format, shade) => {
        const image = sharp({
          create: { width: 8, height: 8, channels: 3, background: { r: 80 * shade, g: 9, b: 9 } },
        });
        return new Uint8Array(await image.toFormat(format).toBuffer());
      }),
    );
  });
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "scpo-export-"));
    pairs = join(folder, "pairs.parquet");
  });
  afterEach(() => rm(folder, { recursive: true }));

  const word = fc
    .string({ unit: "binary", minLength: 1, maxLength: 12 })
    .filter((text) => /[\p{L}\p{N}\p{P}\p{S}]/u.test(text));
  // A marker of the image in a question belongs to the format, not to the pair.
  const question = word.map((text) => text.trim()).filter((text) => !text.includes("<image>"));
  const orNull = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(value, { nil: null });
  const number = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => (value === 0 ? 0 : value));
  const share = fc.double({ min: 0, max: 1, noNaN: true }).map((value) => (value === 0 ? 0 : value));
  const annotation = fc.record(
    {
      object: word,
      box: fc.tuple(share, share, share, share),
      attributes: fc.array(word, { maxLength: 2 }),
      crowd: fc.boolean(),
    },
    { requiredKeys: ["object"] },
  );
  const pair = (complete: boolean): fc.Arbitrary<Omit<PairRow, "id">> =>
    fc
      .record({
        images: fc.nat(2).map((at) => [pictures[at] as Uint8Array]),
        rejectedImages: orNull(fc.nat(2).map((at) => [pictures[at] as Uint8Array])),
        prompt: question,
        chosen: word,
        rejected: complete ? word : orNull(word),
        kind: orNull(word),
        detail: orNull(word),
        chosenWord: orNull(word),
        rejectedWord: orNull(word),
        objects: orNull(fc.array(word, { maxLength: 3 })),
        rejectedObjects: orNull(fc.array(word, { maxLength: 3 })),
        captions: orNull(fc.array(word, { maxLength: 3 })),
        annotations: orNull(fc.array(annotation, { maxLength: 2 })),
        imagesOrigin: word,
        chosenOrigin: word,
        rejectedImagesOrigin: word,
        rejectedOrigin: word,
        source: word,
        rejectedTrue: fc.constantFrom(true, false, null),
        rejectedTrueBy: orNull(fc.constantFrom(...TRUTH_SOURCES)),
        extra: orNull(
          fc.dictionary(word, fc.jsonValue({ maxDepth: 1 }), { minKeys: 1, maxKeys: 2, noNullPrototype: true }),
        ),
        signals: fc.record(Object.fromEntries(SIGNAL_COLUMNS.map((name) => [name, number])), { requiredKeys: [] }),
        difficulty: orNull(share),
        stage: orNull(fc.constantFrom(0, 1, 2)),
      })
      .filter(({ chosen, rejected }) => rejected === null || plainText(chosen) !== plainText(rejected))
      .map((row) => ({
        ...row,
        rejectedImagesOrigin: row.rejectedImages === null ? null : row.rejectedImagesOrigin,
        rejectedOrigin: row.rejected === null ? null : row.rejectedOrigin,
      }));
  const some = (complete: boolean): fc.Arbitrary<PairRow[]> =>
    fc
      .array(pair(complete), { minLength: 1, maxLength: 5 })
      .map((rows) => rows.map((row, at) => ({ ...row, id: `pair ${at}` })));

  async function exported(to: string, out: string, skipIncomplete = false): Promise<ExportSummary> {
    return exportPairs({ exporter: exporterNamed(to), pairs, out, skipIncomplete });
  }

  async function rowsOf(path: string): Promise<PairRow[]> {
    const rows: PairRow[] = [];
    for await (const row of streamPairRows(path)) rows.push(row);
    return rows;
  }

  async function back(from: string, source: string): Promise<PairRow[]> {
    const out = join(folder, "back.parquet");
    const settings = { imageFolders: [source], prompt: "?", dropSystem: false, ignore: [] };
    await importPairs({
      importer: importerNamed(from),
      source,
      out,
      settings: { ...settings, imageFolders: (await stat(source)).isDirectory() ? [source] : [folder] },
    });
    return rowsOf(out);
  }

  for (const { name, folder: isFolder, incomplete } of EXPORTERS) {
    it(`to ${name} gives back the same pairs when they are imported`, async () => {
      let runs = 0;
      await fc.assert(
        fc.asyncProperty(some(!incomplete), async (rows) => {
          await writePairRows(pairs, rows);
          const out = join(folder, `out-${(runs += 1)}${isFolder ? "" : ".parquet"}`);
          expect(await exported(name, out)).to.deep.equal({
            format: name,
            read: rows.length,
            written: rows.length,
            skipped: 0,
            columnsLeftOut: [],
          });
          expect((await back(READS[name] as string, out)).map(plain)).to.deep.equal(rows.map(plain));
        }),
        { numRuns: 15, interruptAfterTimeLimit: 8000, markInterruptAsFailure: false },
      );
    });
  }

  const bare = (images: readonly Uint8Array[], parts: Partial<PairRow> = {}): PairRow =>
    bareRow({ id: "one", images, prompt: "What?", chosen: "red", rejected: "blue", ...parts });

  it("writes Parquet that datasets opens with pictures, and messages for TRL", async () => {
    const images = [pictures[0] as Uint8Array];
    await writePairRows(pairs, [bare(images, { rejectedImages: images })]);
    await exported("trl", join(folder, "trl.parquet"));
    await exported("parquet", join(folder, "plain.parquet"));
    const script = [
      "import datasets, json, sys",
      "out = []",
      "for name in sys.argv[2:]:",
      "    rows = datasets.load_dataset('parquet', data_files=name, cache_dir=sys.argv[1])['train']",
      "    row = rows[0]",
      "    out.append([type(row['images'][0]).__name__, row['rejected_images'][0].size, row['prompt'], row['rejected']])",
      "print(json.dumps(out))",
    ].join("\n");
    const names = [join(folder, "plain.parquet"), join(folder, "trl.parquet")];
    const env = { ...process.env, HF_HUB_OFFLINE: "1", HF_DATASETS_DISABLE_PROGRESS_BARS: "1" };
    const { stdout } = await run(findPython(), ["-c", script, join(folder, "cache"), ...names], { env });
    expect(JSON.parse(stdout)).to.deep.equal([
      ["PngImageFile", [8, 8], "What?", "blue"],
      ["PngImageFile", [8, 8], [{ role: "user", content: "What?" }], [{ role: "assistant", content: "blue" }]],
    ]);
  });

  it("leaves out of TRL's rows the columns that no pair has", async () => {
    await writePairRows(pairs, [bare([pictures[0] as Uint8Array])]);
    const out = join(folder, "trl.parquet");
    await exported("trl", out);
    const { openParquet } = await import("../../src/pairs/parquet-rows.js");
    expect((await openParquet(out)).columns).to.deep.equal(["id", "images", "prompt", "chosen", "rejected"]);
  });

  it("writes a picture once, under a name that is its content", async () => {
    const images = [pictures[0] as Uint8Array];
    await writePairRows(
      pairs,
      [1, 2].map((at) => bare(images, { rejectedImages: images, id: `${at}` })),
    );
    const out = join(folder, "out");
    await exported("ms-swift", out);
    const files = (await readdir(out, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
    expect(files.map(({ name }) => name.replace(/^\w{40}/, "SHA"))).to.have.members(["pairs.jsonl", "SHA.png"]);
    const [row] = (await readFile(join(out, "pairs.jsonl"), "utf8")).split("\n");
    expect(JSON.parse(row as string)).to.deep.include({
      messages: [
        { role: "user", content: "<image>What?" },
        { role: "assistant", content: "red" },
      ],
      rejected_response: "blue",
    });
  });

  it("refuses incomplete pairs where the format has no place for them, or leaves them out when asked to", async () => {
    const images = [pictures[0] as Uint8Array];
    await writePairRows(pairs, [bare(images), bare(images, { id: "two", rejected: null })]);
    for (const { name, folder: isFolder } of EXPORTERS.filter(({ incomplete }) => !incomplete)) {
      const out = join(folder, isFolder ? name : `${name}.parquet`);
      const error = await exported(name, out).catch((thrown: unknown) => thrown);
      expect(error).to.be.instanceOf(UserError);
      expect((error as UserError).message).to.match(
        /pairs\.parquet, pair "two" \(row 1\): rejected is still to be made.*--skip-incomplete$/,
      );
      expect(await exported(name, out, true)).to.include({ read: 2, written: 1, skipped: 1 });
    }
    await writePairRows(pairs, [bare(images, { rejected: null })]);
    const error = await exported("trl", join(folder, "x.parquet"), true).catch((thrown: unknown) => thrown);
    expect((error as UserError).message).to.match(/all 1 pairs lack a rejected text/);
    expect(await readdir(folder)).not.to.include("x.parquet");
  });

  it("refuses a folder for a file and a file for a folder", async () => {
    await writePairRows(pairs, [bare([pictures[0] as Uint8Array])]);
    const message = (to: string, out: string): Promise<string> =>
      exported(to, out).then(
        () => "none",
        (error: Error) => error.message.replaceAll(folder, "DIR"),
      );
    expect(await message("trl", folder)).to.equal("--out: DIR is a folder, expected a file for trl; name another");
    expect(await message("ms-swift", pairs)).to.match(/^--out: DIR\/pairs\.parquet is a file, expected a folder/);
  });
});
