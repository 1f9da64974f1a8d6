import { expect } from "chai";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { asyncBufferFromFile, parquetMetadataAsync } from "hyparquet";
import sharp from "sharp";
import type { ContrastPair } from "../../src/pairs/contrast-pair.js";
import { gradedPairs, readGrades } from "../../src/pairs/graded-rows.js";
import { DECODING_LIMITS } from "../../src/pairs/parquet-decoder.js";
import { openParquet, parquetRows } from "../../src/pairs/parquet-rows.js";
import { readPairs, writePairs } from "../../src/pairs/pair-rows.js";
import { writeTable } from "../../src/pairs/table.js";

async function picture(format: "png" | "jpeg" | "webp", shade: number): Promise<Uint8Array> {
  const image = sharp({ create: { width: 9, height: 7, channels: 3, background: { r: shade, g: 90, b: 30 } } });
  return new Uint8Array(await image.toFormat(format).toBuffer());
}

describe("pairs file", () => {
  let folder: string;
  let path: string;
  let pair: ContrastPair;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "scpo-pairs-"));
    path = join(folder, "pairs.parquet");
    pair = {
      id: "first",
      images: [await picture("png", 10)],
      rejectedImages: [await picture("webp", 20)],
      prompt: "Describe the picture.",
      chosen: "a dog.",
      rejected: "a cat.",
      kind: "object",
      detail: "family",
      chosenWord: "dog",
      rejectedWord: null,
      objects: ["dog"],
      rejectedObjects: [],
      rejectedTrue: true,
      rejectedTrueBy: "construction",
      difficulty: 0.25,
      stage: 2,
    };
  });
  afterEach(() => rm(folder, { recursive: true }));

  async function faultOf(pairs: ContrastPair[] | null, images = true): Promise<string> {
    if (pairs) await writePairs(path, pairs);
    const told = (reading: Promise<unknown>): Promise<string> =>
      reading.then(
        () => "none",
        (error: Error) => `${error.name}: ${error.message}`,
      );
    const fault = await told(images ? readPairs(path, { images: true }) : readPairs(path, { images: false }));
    // What a run is planned by is refused for the same reasons, and keeps no text.
    if (!images) expect(await told(readGrades(path))).to.equal(fault);
    expect(fault).not.to.include("\n");
    return fault.replaceAll(path, "FILE");
  }

  it("gives what a run is planned by, row by row", async () => {
    const bare = { ...pair, id: "second", difficulty: null, stage: null, rejectedTrue: null, rejectedTrueBy: null };
    await writePairs(path, [pair, bare, { ...pair, id: "third", rejectedTrue: false, difficulty: 1, stage: 0 }]);
    const grades = await readGrades(path);
    expect(grades.falseContrasts[0]).to.equal(undefined);
    expect(grades.falseContrasts[2]).to.deep.equal({ id: "third", rejectedTrue: false });
    expect(gradedPairs(grades)).to.deep.equal([
      { pair: 0, difficulty: 0.25, stage: 2 },
      { pair: 1, difficulty: null, stage: null },
      { pair: 2, difficulty: 1, stage: 0 },
    ]);
  });

  it("gives back what was written, nothing for nothing", async () => {
    const bare: ContrastPair = {
      ...pair,
      id: "second",
      images: [await picture("jpeg", 30)],
      kind: null,
      detail: null,
      chosenWord: null,
      objects: null,
      rejectedObjects: null,
      rejectedTrue: null,
      rejectedTrueBy: null,
      difficulty: null,
      stage: null,
    };
    await writePairs(path, [pair, bare]);
    const plain = (read: ContrastPair): unknown => ({
      ...read,
      images: read.images.map((bytes) => [...bytes]),
      rejectedImages: read.rejectedImages.map((bytes) => [...bytes]),
    });
    expect((await readPairs(path, { images: true })).map(plain)).to.deep.equal([pair, bare].map(plain));
    const { images, rejectedImages, ...text } = pair;
    expect(images.length + rejectedImages.length).to.equal(2);
    expect((await readPairs(path, { images: false }))[0]).to.deep.equal(text);
    expect(await readdir(folder)).to.deep.equal(["pairs.parquet"]);
  });

  it("gives back several pictures a side, in each row as many as it has", async () => {
    const [one, two, three] = await Promise.all([picture("png", 1), picture("png", 2), picture("png", 3)]);
    const several = { ...pair, id: "several", images: [one, two], rejectedImages: [one, three] };
    await writePairs(path, [pair, several]);
    const read = await readPairs(path, { images: true });
    expect(read.map(({ images }) => images.length)).to.deep.equal([1, 2]);
    expect(read[1]?.rejectedImages.map((bytes) => [...bytes])).to.deep.equal([[...one], [...three]]);
  });

  it("keeps rows in order beyond one row group", async () => {
    const many = Array.from({ length: 1203 }, (_, row) => ({ ...pair, id: `p${row}`, stage: row % 3 }));
    await writePairs(path, many);
    const read = await readPairs(path, { images: false });
    expect(read.map(({ id, stage }) => `${id}/${stage}`)).to.deep.equal(many.map(({ id, stage }) => `${id}/${stage}`));
  });

  it("tells the datasets library that the pictures are pictures", async () => {
    await writePairs(path, [pair]);
    const { key_value_metadata } = await parquetMetadataAsync(await asyncBufferFromFile(path));
    const entry = key_value_metadata?.find(({ key }) => key === "huggingface");
    const { info } = JSON.parse(entry?.value ?? "{}") as { info: { features: Record<string, unknown> } };
    const { features } = info;
    expect(features["images"]).to.deep.equal({ feature: { _type: "Image" }, _type: "List" });
    expect(features["rejected_images"]).to.deep.equal(features["images"]);
  });

  it("takes files without the columns that may be missing, and pictures as plain bytes in a struct", async () => {
    const columns = ["prompt", "chosen", "rejected"].map((name) => ({ name, kind: "string" as const }));
    const pictures = ["images", "rejected_images"].map((name) => ({ name, kind: "images" as const }));
    const { images, rejectedImages, prompt, chosen, rejected } = pair;
    await writeTable(
      path,
      [...columns, ...pictures],
      [{ images, rejected_images: rejectedImages, prompt, chosen, rejected }],
    );
    const [read] = await readPairs(path, { images: true });
    expect(read).to.include({ id: "row-0", chosen, kind: null, stage: null, difficulty: null, objects: null });
  });

  it("names a file that is missing", async () => {
    expect(await faultOf(null)).to.match(/^UserError: cannot open FILE \(ENOENT.*expected a Parquet file/);
  });

  it("names a file that is cut off, empty or of another format", async () => {
    await writePairs(path, [pair]);
    const bytes = await readFile(path);
    for (const broken of [bytes.subarray(0, bytes.length - 30), Buffer.alloc(0), Buffer.from("id,chosen\n1,a\n")]) {
      await writeFile(path, broken);
      expect(await faultOf(null)).to.match(/^UserError: FILE is not a complete Parquet file \(/);
    }
  });

  it("names a file whose inside is damaged", async () => {
    await writePairs(path, [pair]);
    const bytes = await readFile(path);
    bytes.fill(0xff, 4, 20);
    await writeFile(path, bytes);
    expect(await faultOf(null)).to.match(/^UserError: FILE is damaged \(/);
  });

  it("names a column that is missing", async () => {
    await writeTable(path, [{ name: "prompt", kind: "string" }], [{ prompt: "Describe." }]);
    expect(await faultOf(null, false)).to.equal(
      'UserError: FILE: column "chosen" is missing; found prompt, expected prompt, chosen, rejected: rename or add the column',
    );
    expect(await faultOf(null)).to.include("expected images, rejected_images, prompt, chosen, rejected");
  });

  it("names a cell of another kind", async () => {
    const columns = (["prompt", "chosen", "rejected"] as const).map((name) => ({
      name,
      kind: name === "chosen" ? ("double" as const) : ("string" as const),
    }));
    await writeTable(path, columns, [{ prompt: "p", chosen: 4, rejected: "r" }]);
    expect(await faultOf(null, false)).to.equal(
      'UserError: FILE, row 0, column "chosen": found 4, expected text: mend the row',
    );
    await writeTable(path, columns, [{ prompt: null, chosen: 4, rejected: "r" }]);
    expect(await faultOf(null, false)).to.include('column "prompt": found nothing, expected text');
  });

  it("must hold a pair", async () => {
    expect(await faultOf([])).to.equal("UserError: FILE holds no pairs; expected at least one row: add pairs");
  });

  it("names the row at fault", async () => {
    const at = 'UserError: FILE, pair "second" (row 1): ';
    const second = { ...pair, id: "second" };
    expect(await faultOf([pair, { ...second, rejected: "a dog." }], false)).to.equal(
      `${at}chosen and rejected are both "a dog."; expected two texts that differ in one fact: mend or drop the row`,
    );
    expect(await faultOf([pair, { ...second, chosen: " " }], false)).to.include(`${at}chosen is empty`);
    expect(await faultOf([pair, { ...second, stage: -1 }], false)).to.equal(
      `${at}stage is -1; expected a whole number from 0 (trained first), or nothing: mend the value`,
    );
    for (const difficulty of [1.01, -0.1, Number.NaN]) {
      expect(await faultOf([pair, { ...second, difficulty }], false)).to.equal(
        `${at}difficulty is ${difficulty}; expected 0 (easy) to 1 (hard), or nothing: mend the value`,
      );
    }
    expect(await faultOf([pair, pair], false)).to.include('pair "first" (row 1): id already used by row 0');
  });

  it("names pictures that are missing, empty, cut off or no pictures", async () => {
    const at = 'UserError: FILE, pair "first" (row 0): ';
    expect(await faultOf([{ ...pair, images: [] }])).to.include(`${at}images holds 0 pictures`);
    expect(await faultOf([{ ...pair, images: [pair.images[0]!, pair.images[0]!] }])).to.equal(
      `${at}rejected_images holds 1 pictures; expected 2, as images has`,
    );
    const cut = pair.images[0]!.subarray(0, 40);
    expect(await faultOf([{ ...pair, images: [pair.images[0]!, cut], rejectedImages: pair.images }])).to.include(
      `${at}images[1] is a PNG file that is cut off`,
    );
    expect(await faultOf([{ ...pair, rejectedImages: [new Uint8Array(0)] }])).to.include(
      `${at}rejected_images[0] is empty; expected a complete PNG, JPEG or WebP file`,
    );
    expect(await faultOf([{ ...pair, images: [new TextEncoder().encode("<svg/>")] }])).to.include(
      `${at}images[0] is no picture (it starts with the bytes 3c737667)`,
    );
    for (const format of ["png", "jpeg", "webp"] as const) {
      const whole = await picture(format, 50);
      expect(await faultOf([{ ...pair, images: [whole] }])).to.equal("none");
      const cut = whole.subarray(0, whole.length - 5);
      expect(await faultOf([{ ...pair, images: [cut] }]), format).to.match(/images\[0\] is a \w+ file that is cut off/);
    }
  });

  it("does not appear when writing fails", async () => {
    function* failing(): Generator<{ id: string }> {
      yield { id: "one" };
      throw new Error("stop");
    }
    let message = "";
    await writeTable(path, [{ name: "id", kind: "string" }], failing()).catch(
      (error: Error) => (message = error.message),
    );
    expect(message).to.equal("stop");
    expect(await readdir(folder)).to.deep.equal([]);
  });

  it("end in one line where a damaged byte claims values without end, and are read on afterwards", async () => {
    const usual = { ...DECODING_LIMITS };
    try {
      const whole = join(folder, "whole.parquet");
      const damaged = join(folder, "damaged.parquet");
      const column = { name: "id", kind: "string", optional: true } as const;
      await writeTable(
        whole,
        [column],
        Array.from({ length: 40 }, (_, at) => ({ id: at % 5 === 0 ? null : `row ${at % 7}` })),
      );
      const bytes = await readFile(whole);
      const read = async (path: string): Promise<number> => {
        let count = 0;
        for await (const row of parquetRows(await openParquet(path))) count += row["id"] === undefined ? 0 : 1;
        return count;
      };
      Object.assign(DECODING_LIMITS, { seconds: 1 });
      const found = new Set<string>();
      // The lengths of the runs in the first page are among these.
      for (let at = 50; at < 90; at += 1) {
        const spoilt = Buffer.from(bytes);
        spoilt[at] = 0xfe;
        await writeFile(damaged, spoilt);
        await read(damaged).catch((error: Error) => found.add(error.message));
        if ([...found].some((message) => message.includes("not read within"))) break;
      }
      expect([...found]).to.include(
        `${damaged} is damaged (its values are not read within 1 s); expected a complete Parquet file: write it again`,
      );
      Object.assign(DECODING_LIMITS, usual);
      expect(await read(whole)).to.equal(40);
    } finally {
      Object.assign(DECODING_LIMITS, usual);
    }
  });
});
