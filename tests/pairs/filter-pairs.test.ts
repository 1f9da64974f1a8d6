import { expect } from "chai";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { UserError } from "../../src/errors.js";
import { readFindings } from "../../src/pairs/checking/findings-file.js";
import { checksNamed, filterPairs, type FilterRequest } from "../../src/pairs/filtering/filter-pairs.js";
import { PAIR_COLUMNS } from "../../src/pairs/pair-row.js";
import { readTable, type Row, writeTable } from "../../src/pairs/table.js";
import { scpoInProcess } from "../fixtures/scpo-in-process.js";

const ROWS = 40;
const clip = { name: "clip", kind: "double", optional: true } as const;

describe("filtering a pairs file", function () {
  this.timeout(60_000);
  let folder: string;
  let pairs: string;
  let out: string;
  const cut = 12;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "scpo-filter-"));
    pairs = join(folder, "pairs.parquet");
    out = join(folder, "out.parquet");
    const picture = (row: number) =>
      sharp({ create: { width: 40, height: 40, channels: 3, background: { r: row * 6, g: 99, b: 9 } } })
        .png()
        .toBuffer();
    const rows = await Promise.all(
      Array.from({ length: ROWS }, async (_, row): Promise<Row> => {
        const own = await picture(row);
        return {
          id: `pair-${row}`,
          images: [row === cut ? own.subarray(0, 50) : own],
          rejected_images: [await picture(200 + row)],
          prompt: "What?",
          // Ten rows without words that differ: more than a report shows.
          chosen: `A dog ${row}.`,
          rejected: row < 10 ? `A dog ${row}!` : `A cat ${row}.`,
          kind: row % 2 === 0 ? "object" : null,
          rejected_images_origin: row % 4 === 0 ? "crop" : "retrieval",
          clip: row / ROWS,
        };
      }),
    );
    await writeTable(pairs, [...PAIR_COLUMNS, clip], rows);
  });
  after(() => rm(folder, { recursive: true, force: true }));

  async function left(request: Partial<FilterRequest>): Promise<{ ids: number[]; dropped: Record<string, number> }> {
    const summary = await filterPairs({ pairs, out, ...request });
    const rows = await readTable(out, [{ name: "id", kind: "string" }, clip]);
    expect(summary.read).to.equal(ROWS);
    expect(summary.written).to.equal(rows.length);
    expect(Object.values(summary.dropped).reduce((sum, count) => sum + count, 0)).to.equal(ROWS - rows.length);
    const ids = rows.map((row) => Number((row["id"] as string).slice(5)));
    expect(rows.map((row) => row["clip"])).to.deep.equal(ids.map((id) => id / ROWS));
    return { ids, dropped: { ...summary.dropped } };
  }
  const all = Array.from({ length: ROWS }, (_, row) => row);

  it("drops rows by finding, kind, origin and any column, and says how many for what", async () => {
    expect(await left({ dropFindings: ["picture"] })).to.deep.equal({
      ids: all.filter((row) => row !== cut),
      dropped: { "finding picture": 1 },
    });
    expect((await left({ dropFindings: checksNamed(["no-word"]) })).ids).to.deep.equal(all.slice(10));
    expect((await left({ dropKinds: ["object"] })).ids).to.deep.equal(all.filter((row) => row % 2 === 1));
    expect((await left({ dropKinds: [""] })).ids).to.deep.equal(all.filter((row) => row % 2 === 0));
    expect((await left({ dropOrigins: ["crop"] })).ids).to.deep.equal(all.filter((row) => row % 4 !== 0));
    expect((await left({ where: "clip >= 0.5 and kind is null -- mine" })).ids).to.deep.equal(
      all.filter((row) => row >= ROWS / 2 && row % 2 === 1),
    );
    expect(
      (await left({ dropFindings: ["picture"], dropKinds: ["object"], where: "clip < 0.5" })).dropped,
    ).to.deep.equal({
      "kind object": 19,
      "finding picture": 1,
      where: 10,
    });
  });

  it("goes by the findings that check has written, all of them, and refuses those of another file", async () => {
    const findings = join(folder, "found.jsonl");
    await scpoInProcess(["pairs", "check", pairs, "--findings", findings]);
    const found = await readFindings(findings);
    expect(found.filter(({ check }) => check === "no-word").map(({ row }) => row)).to.deep.equal(all.slice(0, 10));
    expect(found.map(({ row }) => row)).to.deep.equal(found.map(({ row }) => row).sort((a, b) => a - b));
    expect((await left({ dropFindings: ["no-word"], findings })).ids).to.deep.equal(all.slice(10));
    await writeFile(findings, (await readFile(findings, "utf8")).replaceAll('"pair-1"', '"other"'));
    const refused = await filterPairs({ pairs, out, dropFindings: ["no-word"], findings }).catch(
      (thrown: unknown) => thrown,
    );
    expect((refused as Error).message).to.equal(
      `${findings}: row 1 is "other" there and "pair-1" in ${pairs}; check this file again`,
    );
    const mine = join(folder, "mine.txt");
    await writeFile(mine, "mine");
    await scpoInProcess(["pairs", "check", pairs, "--findings", mine]);
    expect(await readFile(mine, "utf8")).to.equal("mine");
  });

  it("refuses what says nothing, leaves nothing, or is no condition, in one line", async () => {
    const cases: [Partial<FilterRequest>, RegExp][] = [
      [{}, /^says nothing to drop; give --drop-finding/],
      [{ where: "false" }, /none of 40 pairs would be left; drop less$/],
      [
        { where: "colour = 1" },
        /^--where: colour = 1 is no condition on .*; expected one of DuckDB on its columns: id, images/,
      ],
      [{ where: "kind; drop table x" }, /^--where: .* is no condition/],
    ];
    for (const [request, message] of cases) {
      const error = await filterPairs({ pairs, out: join(folder, "none.parquet"), ...request }).catch(
        (thrown: unknown) => thrown,
      );
      expect(error).to.be.instanceOf(UserError);
      expect((error as Error).message)
        .to.match(message)
        .and.match(/^[^\n]+$/);
    }
    expect(() => checksNamed(["nothing"])).to.throw(
      UserError,
      /holds "nothing", expected some of errors,warnings,texts/,
    );
  });
});
