import { expect } from "chai";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { gradePairsFile, type GradePairsFileRequest } from "../../src/difficulty/grade-pairs-file.js";
import { readPairs } from "../../src/pairs/pair-rows.js";
import { PAIR_COLUMNS } from "../../src/pairs/pair-row.js";
import { type Column, readTable, type Row, writeTable } from "../../src/pairs/table.js";

const OWN: readonly Column[] = [
  { name: "votes", kind: "int32", optional: true },
  { name: "rating", kind: "double", optional: true },
  { name: "author", kind: "string", optional: true },
];
const COLUMNS = [...PAIR_COLUMNS, ...OWN];

describe("gradePairsFile", () => {
  let folder: string;
  let request: GradePairsFileRequest;
  let picture: Buffer;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "scpo-grade-pairs-"));
    request = { pairs: join(folder, "pairs.parquet"), out: join(folder, "graded.parquet"), threads: 1, stages: 2 };
    picture = await sharp({ create: { width: 8, height: 8, channels: 3, background: "red" } })
      .png()
      .toBuffer();
  });
  afterEach(() => rm(folder, { recursive: true }));

  const pair = (row: number): Row => ({
    id: `pair ${row}`,
    images: [picture],
    rejected_images: [picture],
    prompt: "what?",
    chosen: "a dog",
    rejected: "a cat",
    entropy: row,
    votes: 10 - row,
    rating: row === 1 ? null : row / 4,
    author: `author ${row}`,
  });
  const write = (rows: readonly Row[], columns = COLUMNS): Promise<void> => writeTable(request.pairs, columns, rows);
  const graded = async (): Promise<unknown[][]> =>
    (await readTable(request.out, COLUMNS)).map(({ difficulty, stage }) => [difficulty, stage]);

  async function fault(changes: Partial<GradePairsFileRequest> = {}): Promise<string> {
    const message = await gradePairsFile({ ...request, ...changes }).then(
      () => "none",
      (error: Error) => `${error.name}: ${error.message}`,
    );
    expect(message).not.to.match(/\n|\.tmp/);
    return message;
  }

  it("keeps every cell, numbers and texts of one's own too, and says what it does not keep", async () => {
    const rows = [0, 1, 2].map(pair);
    await write(
      rows.map((row) => ({ ...row, tags: ["a"] })),
      [...COLUMNS, { name: "tags", kind: "strings" }],
    );
    const result = await gradePairsFile(request);
    expect(result.columnsLeftOut).to.deep.equal(["tags"]);
    const found = await readTable(request.out, COLUMNS);
    for (const [index, row] of rows.entries()) {
      for (const [name, cell] of Object.entries(row)) expect(found[index]?.[name], name).to.deep.equal(cell);
    }
    // Ranks 0, 1, 2 of 2.
    expect(await graded()).to.deep.equal([
      [0, 0],
      [0.5, 0],
      [1, 1],
    ]);
    expect((await readdir(folder)).sort()).to.deep.equal(["graded.parquet", "pairs.parquet"]);
  });

  it("grades by a column of one's own, either way", async () => {
    await write([0, 1, 2, 3].map(pair));
    const result = await gradePairsFile({ ...request, uses: { votes: { sign: 1, weight: 2 } } });
    expect((await graded()).map(([difficulty]) => difficulty)).to.deep.equal([1, 2 / 3, 1 / 3, 0]);
    expect(result.signals).to.deep.equal({ votes: 4 });
    await gradePairsFile({ ...request, uses: { votes: { sign: -1, weight: 2 } } });
    expect((await graded()).map(([difficulty]) => difficulty)).to.deep.equal([0, 1 / 3, 2 / 3, 1]);
  });

  it("leaves a pair without any of the signals ungraded", async () => {
    const lacking = { ...pair(1), rejected: null, rejected_images: null, entropy: null };
    await write([pair(0), lacking, pair(2), pair(3), pair(4)]);
    const result = await gradePairsFile({ ...request, trim: 0.25 });
    expect([result.pairs, result.ungraded, result.trimmed, result.stages]).to.deep.equal([5, 1, 1, [2, 1]]);
    expect(await graded()).to.deep.equal([
      [0, 0],
      [null, null],
      [1 / 3, 0],
      [2 / 3, 1],
      [1, null],
    ]);
  });

  it("makes more than three stages, at bounds of the difficulty too, and they are read again", async () => {
    await write([0, 1, 2, 3, 4].map(pair));
    await gradePairsFile({ ...request, stages: 5 });
    expect((await readPairs(request.out, { images: true })).map(({ stage }) => stage)).to.deep.equal([0, 1, 2, 3, 4]);
    // Entropies 0 to 4 are difficulties of 0, 1/4 and so on.
    const cut = { stages: undefined, bounds: [0.2, 0.75], normalise: "min-max" } as const;
    const { grading, stages } = await gradePairsFile({ ...request, ...cut });
    expect(await graded()).to.deep.equal([
      [0, 0],
      [0.25, 1],
      [0.5, 1],
      [0.75, 2],
      [1, 2],
    ]);
    expect(stages).to.deep.equal([1, 2, 2]);
    expect(grading).to.deep.include({ normalise: "min-max", missing: "skip", stages: 3, bounds: [0.2, 0.75] });
  });

  it("what is measured now counts in place of the file's, missing stays missing", async () => {
    await write([0, 1, 2].map(pair));
    const measured = [{ entropy: 9, tokens: 5 }, {}, { tokens: 7 }];
    const result = await gradePairsFile({ ...request, measured });
    expect((await graded()).map(([difficulty]) => difficulty)).to.deep.equal([1, 0, 0.5]);
    const found = await readTable(request.out, COLUMNS);
    expect(found.map(({ entropy, tokens }) => [entropy, tokens])).to.deep.equal([
      [9, 5],
      [1, null],
      [2, 7],
    ]);
    expect(result.signals).to.deep.equal({
      entropy: 3,
      image_similarity: 0,
      transport_distance: 0,
      word_proximity: 0,
    });
  });

  it("names what is wrong in one line", async () => {
    await write([0, 1, 2].map(pair));
    expect(await fault({ out: request.pairs })).to.include("which is the file that is read; name another");
    expect(await fault({ uses: { likes: { sign: 1, weight: 1 } } })).to.match(
      /column "likes" is missing; found entropy, .*votes/,
    );
    expect(await fault({ uses: { author: { sign: 1, weight: 1 } } })).to.include('column "author" holds VARCHAR');
    expect(await fault({ uses: { rating: { sign: 1, weight: 1 }, tokens: { sign: 1, weight: 0 } } })).to.equal("none");
    expect(await fault({ measured: [{ entropy: NaN }, {}, {}] })).to.include(
      `${request.pairs}, row 0: signal entropy is NaN`,
    );
    await write([0, 1].map((row) => ({ ...pair(row), entropy: null })));
    expect(await fault()).to.include("no pair has a signal of entropy, image_similarity");
    await write([pair(0)], PAIR_COLUMNS.slice(0, 6));
    expect(await fault()).to.match(/has no signal of entropy, .* measure one \(scpo pairs score\)/);
    await writeFile(request.pairs, "no");
    expect(await fault()).to.include("not a complete Parquet file");
  });
});
