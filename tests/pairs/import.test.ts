import { expect } from "chai";
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import sharp from "sharp";
import { UserError } from "../../src/errors.js";
import { importPairs, type ImportSummary } from "../../src/pairs/import/import-pairs.js";
import { IMPORTERS, importerNamed } from "../../src/pairs/import/registry.js";
import { isComplete, type PairRow } from "../../src/pairs/pair-row.js";
import { streamPairRows } from "../../src/pairs/pair-rows.js";
import { PUBLISHED_SETS, publishedSets, type PublishedSet, QUESTION, settingsOf } from "../fixtures/published-sets.js";

const COLOURS: Record<string, string> = {
  "200,20,20": "red",
  "20,160,20": "green",
  "20,20,200": "blue",
  "250,250,250": "white",
};

async function colour(images: readonly Uint8Array[] | null): Promise<string | null> {
  if (images === null) return null;
  const { data } = await sharp(images[0]).raw().toBuffer({ resolveWithObject: true });
  return COLOURS[[...data.subarray(0, 3)].join(",")] ?? "another";
}

const says = (name: string): string => `a ${name} disc.`;

describe("import", function () {
  this.timeout(60_000);
  let root: string;
  let base: string;
  let folder: string;
  let out: string;
  before(async () => {
    root = await publishedSets();
  });
  beforeEach(async () => {
    base = await mkdtemp(join(tmpdir(), "scpo-import-"));
    folder = join(base, "source");
    await mkdir(folder);
    out = join(base, "out", "pairs.parquet");
  });
  afterEach(() => rm(base, { recursive: true }));

  async function imported(
    format: string,
    source: string,
    settings: Partial<ReturnType<typeof settingsOf>> = {},
  ): Promise<{ summary: ImportSummary; rows: PairRow[]; quarantine: Record<string, unknown>[] }> {
    const summary = await importPairs({
      importer: importerNamed(format),
      source,
      out,
      settings: { ...settingsOf({ format, source: "" }, root, source), ...settings },
    });
    expect(summary.read).to.equal(summary.written + summary.quarantined);
    const rows: PairRow[] = [];
    for await (const row of streamPairRows(out)) rows.push(row);
    expect(rows).to.have.length(summary.written);
    const text = await readFile(`${out}.quarantine.jsonl`, "utf8").catch(() => "");
    const quarantine = text
      .split("\n")
      .flatMap((line) => (line === "" ? [] : [JSON.parse(line) as Record<string, unknown>]));
    expect(quarantine).to.have.length(summary.quarantined);
    return { summary, rows, quarantine };
  }

  const importedSet = (set: PublishedSet) => imported(set.format, join(root, set.source), settingsOf(set, root));

  const PAIRS: Record<string, [string, string | null, string, string | null][]> = {
    "trl/plain.parquet": [
      ["red", "green", "red", "green"],
      ["blue", "white", "blue", "white"],
      ["green", "red", "green", "red"],
    ],
    "trl/conversational.jsonl": [
      ["red", null, "red", "blue"],
      ["blue", null, "blue", "red"],
      ["green", null, "green", "white"],
    ],
    "rlhf-v": [
      ["red", null, "red", "green"],
      ["blue", null, "blue", "white"],
    ],
    "rlaif-v": [
      ["red", null, "red", "green"],
      ["blue", null, "blue", "white"],
    ],
    // Mean ratings 5, 3, 3 and 1: every two but those rated alike.
    "vlfeedback/data": [
      ["red", null, "red", "green"],
      ["red", null, "red", "blue"],
      ["red", null, "red", "white"],
      ["red", null, "green", "white"],
      ["red", null, "blue", "white"],
    ],
    "mvc/data/mvc.json": [
      ["red", "green", "red", "green"],
      ["blue", "white", "blue", "white"],
    ],
    "ms-swift/dpo.jsonl": [
      ["red", null, "red", "blue"],
      ["blue", "red", "blue", "red"],
      ["green", null, "green", "white"],
    ],
    "llama-factory rlhf_v": [
      ["red", null, "red", "green"],
      ["blue", null, "blue", "white"],
    ],
    "llama-factory mllm_demo": [["white", null, "white", null]],
    "llama-factory rlaif_v": [["red", null, "red", "green"]],
  };
  PAIRS["vlfeedback/vlfeedback_80k.jsonl"] = PAIRS["vlfeedback/data"] as [];

  it("knows every format that there is a published set of", () => {
    expect(new Set(PUBLISHED_SETS.map(({ format }) => format))).to.deep.equal(
      new Set(IMPORTERS.map(({ name }) => name)),
    );
  });

  for (const set of PUBLISHED_SETS) {
    const name = `${set.source}${set.dataset === undefined ? "" : ` ${set.dataset}`}`;
    const expected = PAIRS[name];
    if (expected === undefined) continue;
    it(`reads ${set.format} from ${name}`, async () => {
      const { rows } = await importedSet(set);
      const found = await Promise.all(
        rows.map(async (row) => [await colour(row.images), await colour(row.rejectedImages), row.chosen, row.rejected]),
      );
      const wanted = expected.map(([image, other, chosen, rejected]) => [
        image,
        other,
        says(chosen),
        rejected === null ? null : says(rejected),
      ]);
      expect(found).to.deep.equal(wanted);
      for (const row of rows) {
        expect(row).to.include({ prompt: QUESTION, imagesOrigin: set.format, chosenOrigin: set.format });
        expect(row.rejectedOrigin).to.equal(row.rejected === null ? null : set.format);
        expect(row.rejectedImagesOrigin).to.equal(row.rejectedImages === null ? null : set.format);
      }
      expect(new Set(rows.map(({ id }) => id)).size).to.equal(rows.length);
    });
  }

  it("says which answers of VLFeedback are rated alike", async () => {
    const { quarantine } = await importedSet({ format: "vlfeedback", source: "vlfeedback/vlfeedback_80k.jsonl" });
    expect(quarantine).to.have.length(1);
    expect(quarantine[0]).to.include({ line: 1, field: "completions[2]" });
    expect(quarantine[0]?.["reason"]).to.include("is rated 3.00 as completions[1] is");
  });

  it("reads COCO's pictures with their objects and captions; the rest is still to be made", async () => {
    const { rows, quarantine, summary } = await importedSet(
      PUBLISHED_SETS.find(({ format }) => format === "coco") as PublishedSet,
    );
    expect(rows.map(({ id, chosen, objects }) => [id, chosen, objects])).to.deep.equal([
      ["coco-100", "A red square with a dog.", ["dog", "person"]],
      ["coco-101", 'A "green" square.', []],
      ["coco-102", "A blue square.", []],
    ]);
    expect(rows[0]?.captions).to.deep.equal(["A red square with a dog.", "A dog on red."]);
    expect(rows[0]?.annotations).to.deep.equal([
      { object: "dog", box: [0.25, 0.125, 0.5, 0.25] },
      { object: "person", box: [0, 0, 1, 1], crowd: true },
      { object: "dog", box: [0, 0, 0.125, 0.125] },
    ]);
    expect(rows.some(isComplete)).to.equal(false);
    expect(summary).to.include({ withoutRejected: 3, withoutRejectedImages: 3, quarantined: 1 });
    expect(quarantine[0]).to.include({ image: 103, field: "annotations" });
  });

  it("reads pictures with captions, and the columns of a pairs file, from JSON lines", async () => {
    const { rows } = await importedSet({ format: "jsonl", source: "jsonl/pairs.jsonl" });
    expect(rows[0]).to.deep.include({ id: "jsonl-0", chosen: "A red square.", captions: ["A red square."] });
    expect(rows[0]).to.deep.include({ objects: ["square"], rejected: null, rejectedImages: null });
    expect(rows[1]).to.deep.include({ id: "mine", kind: "attribute", stage: 1, signals: { entropy: 0.5 } });
  });

  async function jsonLines(...rows: unknown[]): Promise<string> {
    const source = join(folder, "rows.jsonl");
    await writeFile(source, rows.map((row) => `${typeof row === "string" ? row : JSON.stringify(row)}\n`).join(""));
    return source;
  }

  const good = { image: "red.png", prompt: "What?", chosen: "red", rejected: "blue" };
  const pictures = (): { imageFolders: string[] } => ({ imageFolders: [join(root, "jsonl")] });

  it("puts rows that cannot be read into quarantine, each with place, field and reason", async () => {
    const asks = { role: "user", content: "What?" };
    const [red, blue] = ["red", "blue"].map((content) => [{ role: "assistant", content }]);
    const talk = { ...good, chosen: red, rejected: blue };
    const source = await jsonLines(
      good,
      "{bad",
      "[1]",
      { ...good, chosen: undefined },
      { ...good, rejected: "red" },
      { ...good, prompt: " " },
      { ...good, image: "none.png" },
      { ...good, image: "https://example.org/a.png" },
      { ...good, image: "../trl/red.png" },
      { ...good, image: "data:image/png;base64,AAAA" },
      { ...good, image: 7 },
      { ...good, image: undefined, images: [] },
      { ...talk, prompt: [asks, { role: "assistant", content: "?" }, asks] },
      { ...talk, prompt: [{ role: "system", content: "Be." }, asks] },
      { ...good, prompt: "What <image> is it?" },
      { ...good, stage: 1.5 },
      { ...good, difficulty: "easy" },
      { ...good, annotations: [{ box: [0, 0, 1, 1] }] },
    );
    const { rows, quarantine } = await imported("trl", source, pictures());
    expect(rows).to.have.length(1);
    expect(
      quarantine.map(({ line, field, reason }) => `${String(line)} ${String(field)}: ${String(reason)}`),
    ).to.deep.equal([
      '2 (line): is not JSON from character 2 on (found "{bad")',
      "3 (row): found a list of 1, expected an object",
      '4 chosen: is missing; expected it beside the fields found ("image, prompt, rejected")',
      '5 chosen and rejected: are both "red", expected two texts that differ in one fact',
      "6 prompt: is empty, expected text",
      `7 image: "none.png" is no file in "${join(root, "jsonl")}"; check --images`,
      '8 image: "https://example.org/a.png" is an address, expected a file: download the pictures first',
      `9 image: "../trl/red.png" is no file in "${join(root, "jsonl")}"; check --images`,
      "10 image: is no picture (it starts with the bytes 000000), expected a complete PNG, JPEG or WebP file",
      "11 image: found 7, expected a picture: its bytes, path or data URI",
      "12 images: holds 0 pictures, expected one or several",
      "13 prompt: has 3 messages before the answer, a pair has one question",
      "14 prompt: has a system message, which a pair has no place for; leave it out with --drop-system",
      "15 prompt: holds the marker <image>; a question has one picture, marked at its beginning or end or not at all",
      "16 stage: is 1.5, expected a whole number from 0 (trained first), or nothing",
      '17 difficulty: found "easy", expected a number',
      "18 annotations: 0.object: Invalid input: expected string, received undefined; expected [{object, box, attributes, crowd}]",
    ]);
    for (const { file } of quarantine) expect(file).to.equal(source);
  });

  it("leaves out system messages and fields when asked to", async () => {
    const conversation = [
      { role: "system", content: "Be." },
      { role: "user", content: "What?" },
    ];
    const answer = (content: string): object[] => [{ role: "assistant", content }];
    const row = {
      image: "red.png",
      prompt: conversation,
      chosen: answer("red"),
      rejected: answer("blue"),
      stage: "hard",
    };
    const source = await jsonLines(row);
    const { rows } = await imported("trl", source, { ...pictures(), dropSystem: true, ignore: ["stage"] });
    expect(rows[0]).to.include({ prompt: "What?", chosen: "red", stage: null });
  });

  it("keeps pairs apart whose rows have the same id", async () => {
    const { rows } = await imported("trl", await jsonLines({ ...good, id: 1 }, { ...good, id: "1" }), pictures());
    expect(rows.map(({ id }) => id)).to.deep.equal(["1", "1#2"]);
  });

  it("takes away the quarantine of an earlier import", async () => {
    await imported("trl", await jsonLines(good, "{"), pictures());
    await imported("trl", await jsonLines(good), pictures());
    expect((await readdir(dirname(out))).sort()).to.deep.equal(["pairs.parquet", "pairs.parquet.import.json"]);
  });

  async function refusal(format: string, source: string, settings = {}): Promise<string> {
    const error = await imported(format, source, settings).then(
      () => expect.fail("was imported"),
      (thrown: unknown) => thrown,
    );
    expect(error).to.be.instanceOf(UserError);
    const { message } = error as UserError;
    expect(message).to.match(/^[^\n\r]+$/);
    return message.replaceAll(dirname(out), "OUT").replaceAll(folder, "DIR");
  }

  it("refuses a source of which nothing can be imported, in one line, and keeps the reasons", async () => {
    expect(await refusal("rlhf-v", await jsonLines({ image: "red.png", text: "no JSON" }), pictures())).to.equal(
      "DIR/rows.jsonl: none of 1 pairs can be imported as rlhf-v; the first: DIR/rows.jsonl line 1, text is not JSON, " +
        "expected {question, chosen, rejected} as JSON text; all are in OUT/pairs.parquet.quarantine.jsonl",
    );
    expect((await readdir(dirname(out))).sort()).to.deep.equal(["pairs.parquet.quarantine.jsonl"]);
  });

  it("refuses a source that is missing, empty, of another kind, cut off or no Parquet file", async () => {
    expect(await refusal("trl", join(folder, "none.jsonl"))).to.equal("DIR/none.jsonl: no such file; check the path");
    expect(await refusal("trl", await jsonLines())).to.equal("DIR/rows.jsonl: holds no rows, expected at least one");
    const files: [string, string, RegExp][] = [
      ["rows.csv", "a,b", /^DIR\/rows\.csv: ends in \.csv, expected one of \.parquet/],
      ["rows.json", "", /^DIR\/rows\.json: is empty, expected rows$/],
      ["rows.json", "[{", /^DIR\/rows\.json element 1: the file ends before its array does/],
      ["rows.parquet", "PAR1", /^DIR\/rows\.parquet is not a complete Parquet file/],
    ];
    for (const [name, content, message] of files) {
      await writeFile(join(folder, name), content);
      expect(await refusal("trl", join(folder, name))).to.match(message);
    }
    await rm(join(folder, "rows.jsonl"));
    for (const [name] of files) await rm(join(folder, name), { force: true });
    expect(await refusal("trl", folder)).to.match(/^DIR: holds no file that ends in \.parquet/);
  });

  it("refuses to write into the folder that it reads", async () => {
    await jsonLines(good);
    out = join(folder, "deep", "pairs.parquet");
    expect(await refusal("trl", folder)).to.equal(
      "--out: OUT/pairs.parquet lies in DIR, which is read; write elsewhere",
    );
  });

  it("refuses descriptions of LLaMA-Factory's sets that it cannot follow", async () => {
    const info = join(folder, "dataset_info.json");
    const cases: [unknown, string | undefined, RegExp][] = [
      [[1], undefined, /expected an object with a description by name/],
      [{}, undefined, /describes no set, expected one/],
      [{ a: {}, b: {} }, undefined, /describes 2 sets: a, b, expected one; name it with --dataset$/],
      [{ a: {} }, "b", /^--dataset: DIR\/dataset_info\.json has no b, expected one of a$/],
      [{ a: { hf_hub_url: "x/y" } }, "a", /a\.file_name: .*expected the description of a local set$/],
      [{ a: { file_name: "../x.json" } }, "a", /file_name is \.\.\/x\.json, expected a file within the folder$/],
      [{ a: { file_name: "x.json" } }, "a", /^DIR\/x\.json: no such file/],
    ];
    for (const [content, dataset, message] of cases) {
      await writeFile(info, JSON.stringify(content));
      expect(await refusal("llama-factory", folder, { dataset })).to.match(message);
    }
  });

  it("refuses annotations of COCO that are cut off or do not fit together", async () => {
    const captions = join(folder, "captions_val2014.json");
    const image = { id: 1, file_name: "red.png", width: 4, height: 4 };
    const cases: [string, RegExp][] = [
      ["", /is empty, expected one JSON object$/],
      ["[]", /is not one JSON object/],
      ['{"images": [{"id": 1}', /ends before its object does/],
      ['{"images": [{"id": 1}]}', /images element 1: field file_name: /],
      ['{"images": [{]}', /images element 1: is not JSON/],
      [
        JSON.stringify({ images: [image], annotations: [{ image_id: 2, caption: "x" }] }),
        /speak of image 2, which images/,
      ],
    ];
    for (const [content, message] of cases) {
      await writeFile(captions, content);
      expect(await refusal("coco", folder)).to.match(message);
    }
    expect(await refusal("coco", folder, { dataset: "train" })).to.match(
      /expected captions_<set>\.json of the set train/,
    );
    await writeFile(captions, JSON.stringify({ images: [image], annotations: [{ image_id: 1, caption: "x" }] }));
    const instance = { image_id: 1, category_id: 5, bbox: [0, 0, 1, 1] };
    await writeFile(
      join(folder, "instances_val2014.json"),
      JSON.stringify({ annotations: [instance], categories: [] }),
    );
    expect(await refusal("coco", folder)).to.match(/category_id is 5, which categories do not name$/);
  });
});
