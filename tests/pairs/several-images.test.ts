import { expect } from "chai";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import type { Trainer } from "../../src/backend/trainer.js";
import { scoreFile } from "../../src/difficulty/score-file.js";
import { sha256File } from "../../src/files/sha256.js";
import { checkPairs } from "../../src/pairs/checking/check-pairs.js";
import { exportPairs } from "../../src/pairs/export/export-pairs.js";
import { msSwift } from "../../src/pairs/export/ms-swift.js";
import { importPairs } from "../../src/pairs/import/import-pairs.js";
import { importerNamed } from "../../src/pairs/import/registry.js";
import type { PairRow } from "../../src/pairs/pair-row.js";
import { streamPairRows } from "../../src/pairs/pair-rows.js";
import { viewPairs } from "../../src/review/view-pairs.js";
import { direct } from "../../src/run/direct.js";
import { type TinyWorld, tinyWorld } from "../fixtures/tiny-run.js";

/** Names of the pictures of each row's sides; the rows have one, two and two. */
const ROWS = [
  [["red"], ["blue"]],
  [
    ["red", "green"],
    ["red", "blue"],
  ],
  [
    ["blue", "green"],
    ["green", "white"],
  ],
  [["white"], ["green"]],
] as const;
const COLOURS = { red: [220, 40, 40], green: [40, 170, 60], blue: [50, 80, 220], white: [250, 250, 250] } as const;

describe("pairs with several pictures a side", function () {
  this.timeout(180_000);
  let world: TinyWorld;
  let trainer: Trainer;
  let folder: string;
  let pairs: string;

  before(async () => {
    world = await tinyWorld();
    trainer = await world.boot();
    folder = join(world.folder, "several");
    await mkdir(folder);
    for (const [name, [r, g, b]] of Object.entries(COLOURS)) {
      const left = { create: { width: 16, height: 32, channels: 3 as const, background: { r, g, b } } };
      await sharp(left)
        .extend({ right: 16, background: "black" })
        .png()
        .toFile(join(folder, `${name}.png`));
    }
    const lines = ROWS.map(([images, rejected], row) =>
      JSON.stringify({
        id: `row-${row}`,
        images: images.map((name) => `${name}.png`),
        rejected_images: rejected.map((name) => `${name}.png`),
        prompt: `${"<image>".repeat(images.length)}Describe the picture.`,
        chosen: `a ${images.at(-1)} disc.`,
        rejected: `a ${rejected.at(-1)} disc.`,
        stage: 0,
      }),
    );
    const uneven = { ...(JSON.parse(lines[1] as string) as object), id: "uneven", rejected_images: ["blue.png"] };
    const marked = { ...(JSON.parse(lines[0] as string) as object), id: "marked", prompt: "<image><image>Describe." };
    await writeFile(
      join(folder, "rows.jsonl"),
      [...lines, uneven, marked].map((row) => (typeof row === "string" ? row : JSON.stringify(row))).join("\n"),
    );
    pairs = join(folder, "pairs.parquet");
    const settings = { imageFolders: [folder], prompt: "?", dropSystem: false, ignore: [] };
    const summary = await importPairs({
      importer: importerNamed("trl"),
      source: join(folder, "rows.jsonl"),
      out: pairs,
      settings,
    });
    expect([summary.read, summary.written]).to.deep.equal([6, 4]);
  });
  after(() => trainer.stop());

  it("are imported in their order; sides of different length and a marker too many are put aside", async () => {
    const rows: PairRow[] = [];
    for await (const row of streamPairRows(pairs)) rows.push(row);
    const bytes = (name: string) => readFile(join(folder, `${name}.png`));
    for (const [at, [images, rejected]] of ROWS.entries()) {
      const [one, other] = await Promise.all([images, rejected].map((names) => Promise.all(names.map(bytes))));
      expect(rows[at]?.images.map((image) => Buffer.from(image))).to.deep.equal(one);
      expect(rows[at]?.rejectedImages?.map((image) => Buffer.from(image))).to.deep.equal(other);
      expect(rows[at]?.prompt).to.equal("Describe the picture.");
    }
    const lines = (await readFile(`${pairs}.quarantine.jsonl`, "utf8")).trim().split("\n");
    expect(lines.map((line) => (JSON.parse(line) as { reason: string }).reason)).to.deep.equal([
      "holds 1 pictures, expected 2, as images has",
      "holds the marker <image>; a question has one picture, marked at its beginning or end or not at all",
    ]);
  });

  it("are checked picture by picture", async () => {
    const found: string[] = [];
    await checkPairs(pairs, {
      smallestSide: 64,
      onFinding: ({ row, check, text }) => {
        if (check === "small-picture" && row === 2) found.push(text);
      },
    });
    expect(found).to.deep.equal([
      "images[0] is 32 x 32",
      "images[1] is 32 x 32",
      "rejected_images[0] is 32 x 32",
      "rejected_images[1] is 32 x 32",
    ]);
  });

  it("are exported whole, each with its marker", async () => {
    const out = join(folder, "swift");
    await exportPairs({ pairs, out, exporter: msSwift, skipIncomplete: false });
    const lines = (await readFile(join(out, "pairs.jsonl"), "utf8")).trim().split("\n");
    const row = JSON.parse(lines[1] as string) as Record<string, unknown[]>;
    expect([row["images"]?.length, row["rejected_images"]?.length]).to.deep.equal([2, 2]);
    expect(row["messages"]?.[0]).to.deep.equal({ role: "user", content: "<image><image>Describe the picture." });
  });

  it("are looked at one by one", async () => {
    const view = await viewPairs({ pairs });
    try {
      const cards = async (): Promise<{ images: number }[]> => {
        const filter = { text: "", kinds: [], stages: [], verdicts: [], truths: [], ranges: [], incomplete: false };
        const sort = { column: null, descending: false };
        const query = `filter=${encodeURIComponent(JSON.stringify(filter))}&sort=${encodeURIComponent(JSON.stringify(sort))}`;
        const { key } = (await (await fetch(`${view.address}api/selection?${query}`)).json()) as { key: string };
        return (await (await fetch(`${view.address}api/cards?key=${key}&from=0&count=4`)).json()) as never;
      };
      expect((await cards()).map(({ images }) => images)).to.deep.equal([1, 2, 2, 1]);
      const shown = await fetch(`${view.address}api/pictures/2/rejected_images/1`);
      expect(Buffer.from(await shown.arrayBuffer())).to.deep.equal(await readFile(join(folder, "white.png")));
      expect((await fetch(`${view.address}api/pictures/0/images/1`)).status).to.equal(404);
    } finally {
      await view.close();
    }
  });

  it("are scored and trained on, from the file that scoring writes", async () => {
    const out = join(folder, "scored.parquet");
    await scoreFile({
      ...{ pairs, out, model: world.model, signals: ["entropy", "image_difference"] },
      stages: 2,
      trainer: () => Promise.resolve(trainer),
    });
    const rows: PairRow[] = [];
    for await (const row of streamPairRows(out)) rows.push(row);
    expect(rows.map(({ images }) => images.length)).to.deep.equal([1, 2, 2, 1]);
    // The first of the second row's two pictures is the same on both sides.
    const difference = rows.map(({ signals }) => signals.image_difference as number);
    expect(difference[1])
      .to.be.greaterThan(0)
      .and.lessThan(difference[0] as number);
    const plan = world.plan("several");
    const stages = [{ ...(plan.stages[0] as (typeof plan.stages)[0]), pairs: [0, 1, 2, 3] }];
    const dataset = { path: out, sha256: await sha256File(out) };
    const summary = await direct(trainer, { ...plan, batchSize: 4, gradientAccumulationSteps: 1, dataset, stages });
    expect(summary).to.include({ outcome: "completed", steps: 1 });
  });
});
