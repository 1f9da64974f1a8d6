import { expect } from "chai";
import fc from "fast-check";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { UserError } from "../../src/errors.js";
import { spearman } from "../../src/numbers/statistics.js";
import { withDuckDB } from "../../src/pairs/duckdb.js";
import { openParquet } from "../../src/pairs/parquet-rows.js";
import type { PairRow } from "../../src/pairs/pair-row.js";
import { writePairRows } from "../../src/pairs/pair-rows.js";
import { writeTable } from "../../src/pairs/table.js";
import { Review } from "../../src/review/review.js";
import type { Card, Filter, Sort, Verdict } from "../../src/review/wire.js";
import { KINDS, reviewPairs } from "../fixtures/review-pairs.js";

const EVERYTHING: Filter = { text: "", kinds: [], stages: [], verdicts: [], truths: [], ranges: [], incomplete: false };
const IN_ORDER: Sort = { column: null, descending: false };

function number(row: PairRow, column: string): number | null {
  return column === "difficulty" ? row.difficulty : (row.signals[column as "entropy"] ?? null);
}

describe("a review of pairs", () => {
  let folder: string;
  let path: string;
  let rows: PairRow[];
  let review: Review;
  const decided = new Map<string, Verdict>([
    ["pair-3", "accept"],
    ["pair-8", "reject"],
    ["pair-21", "stage"],
  ]);
  let end: () => void;
  let ended: Promise<void>;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "scpo-review-"));
    path = join(folder, "pairs.parquet");
    rows = await reviewPairs(120);
    await writePairRows(path, rows);
    const closing = new Promise<void>((resolve) => (end = resolve));
    await new Promise<void>((resolve, reject) => {
      ended = withDuckDB(path, {}, async (connection, connect) => {
        review = await Review.open(path, `${path}.decisions.jsonl`, connection, connect);
        resolve();
        await closing;
        await review.decisions.close();
      });
      ended.catch(reject);
    });
    for (const [id, verdict] of decided) {
      const row = rows.findIndex((each) => each.id === id);
      await review.decide({ row, verdict, stage: verdict === "stage" ? 2 : null });
    }
  });
  after(async () => {
    end();
    await ended;
    await rm(folder, { recursive: true, force: true });
  });

  function fits(row: PairRow, filter: Filter): boolean {
    const texts = [row.id, row.prompt, row.chosen, row.rejected ?? ""].map((text) => text.toLowerCase());
    const isOneOf = <Value>(value: Value, list: readonly Value[]): boolean => list.length === 0 || list.includes(value);
    return (
      (filter.text === "" || texts.some((text) => text.includes(filter.text.toLowerCase()))) &&
      isOneOf(row.kind, filter.kinds) &&
      isOneOf(row.rejectedTrue, filter.truths) &&
      isOneOf(row.stage, filter.stages) &&
      isOneOf(decided.get(row.id) ?? "undecided", filter.verdicts) &&
      filter.ranges.every(({ column, low, high }) => {
        const value = number(row, column);
        return value !== null && value >= (low ?? -Infinity) && value <= (high ?? Infinity);
      }) &&
      (!filter.incomplete || row.rejected === null || row.rejectedImages === null)
    );
  }

  const filters: fc.Arbitrary<Filter> = fc.record({
    text: fc.constantFrom("", "DOG", "1", "pair-1", "on a red", "50% 'quoted' _", "describe"),
    kinds: fc.subarray([...KINDS], { maxLength: 3 }),
    truths: fc.subarray([true, false, null], { maxLength: 2 }),
    stages: fc.subarray([0, 1, 2, null], { maxLength: 3 }),
    verdicts: fc.subarray<Verdict>(["accept", "reject", "stage", "undecided"], { maxLength: 3 }),
    ranges: fc.array(
      fc.record({
        column: fc.constantFrom("entropy", "image_similarity", "difficulty"),
        low: fc.constantFrom(null, 0.1, 0.25),
        high: fc.constantFrom(null, 0.5, 0.9),
      }),
      { maxLength: 2 },
    ),
    incomplete: fc.boolean(),
  });
  const sorts: fc.Arbitrary<Sort> = fc.record({
    column: fc.constantFrom(null, "entropy", "image_similarity"),
    descending: fc.boolean(),
  });

  it("finds the pairs that fit, in order", async () => {
    await fc.assert(
      fc.asyncProperty(filters, sorts, async (filter, sort) => {
        const expected = rows.flatMap((row, at) => (fits(row, filter) ? [at] : []));
        const value = (at: number): number | null => number(rows[at] as PairRow, sort.column ?? "difficulty");
        const way = sort.descending ? -1 : 1;
        // Pairs without the number come last either way; equals stay in the order of the file.
        expected.sort((one, other) => {
          const [a, b] = [value(one), value(other)];
          if (a === null || b === null) return Number(a === null) - Number(b === null);
          return way * (a - b);
        });
        const { key, count } = await review.selections.select(filter, sort);
        expect(count).to.equal(expected.length);
        expect(review.selections.rows(key, 0, 1000)).to.deep.equal(expected);
        expect(review.selections.rows(key, 5, 3)).to.deep.equal(expected.slice(5, 8));
        const figures = await review.figures(filter);
        expect(figures.count).to.equal(expected.length);
      }),
      { numRuns: 60 },
    );
  });

  it("counts what is distributed how", async () => {
    const filter: Filter = { ...EVERYTHING, stages: [0, 1] };
    const shown = rows.filter((row) => fits(row, filter));
    const { cells, histograms } = await review.figures(filter);
    for (const { kind, stage, count } of cells) {
      expect(count).to.equal(shown.filter((row) => row.kind === kind && row.stage === stage).length);
    }
    for (const { name, low, high, bins, all, missing } of histograms) {
      const binned = (of: readonly PairRow[]): number[] => {
        const counts = bins.map(() => 0);
        for (const row of of) {
          const value = number(row, name);
          if (value === null) continue;
          const bin = Math.min(bins.length - 1, Math.floor(((value - low) / (high - low)) * bins.length));
          counts[bin] = (counts[bin] as number) + 1;
        }
        return counts;
      };
      const sum = (counts: readonly number[]): number => counts.reduce((total, count) => total + count, 0);
      const values = rows.flatMap((row) => number(row, name) ?? []);
      expect([low, high]).to.deep.equal([Math.min(...values), Math.max(...values)]);
      expect(all).to.deep.equal(binned(rows));
      expect(bins).to.deep.equal(binned(shown));
      expect(sum(bins) + missing).to.equal(shown.length);
    }
  });

  it("correlates as the statistics of the evaluation do, ties and gaps included", async () => {
    for (const filter of [EVERYTHING, { ...EVERYTHING, kinds: ["object"] }, { ...EVERYTHING, text: "pair-7" }]) {
      const shown = rows.filter((row) => fits(row, filter));
      const { names, values } = await review.correlations(filter);
      expect(names).to.have.members(["entropy", "image_similarity", "difficulty"]);
      for (const [at, one] of names.entries()) {
        for (const [place, other] of names.entries()) {
          const both = shown.filter((row) => number(row, one) !== null && number(row, other) !== null);
          const numbers = (name: string): number[] => both.map((row) => number(row, name) as number);
          const expected = spearman(numbers(one), numbers(other));
          const found = values[at]?.[place] ?? null;
          if (expected === null) expect(found, `${one} ${other}`).to.equal(null);
          else expect(found, `${one} ${other}`).to.be.closeTo(expected, 1e-9);
          const relation = await review.relation(filter, one, other);
          expect(relation.correlation).to.satisfy((value: number | null) =>
            value === null ? found === null : Math.abs(value - (found as number)) < 1e-9,
          );
          expect(relation.pairs).to.equal(both.length);
        }
      }
    }
  });

  it("shows a pair's pictures, its whole record, and what was decided", async () => {
    const pictures = await Promise.all(rows.map((_, row) => review.images.of(row)));
    for (const [at, { images, rejectedImages }] of pictures.entries()) {
      const row = rows[at] as PairRow;
      expect(images).to.deep.equal(row.images);
      expect(rejectedImages).to.deep.equal(row.rejectedImages ?? []);
    }
    const record = await review.cards.record(3);
    const columns = new Map(record?.columns.map(({ name, value }) => [name, value]));
    expect(columns.get("chosen")).to.equal(rows[3]?.chosen);
    expect(columns.get("objects")).to.deep.equal(rows[3]?.objects);
    expect(columns.get("annotations")).to.deep.equal(rows[3]?.annotations);
    expect(columns.get("entropy")).to.equal(rows[3]?.signals.entropy);
    expect([...columns.keys()]).to.not.include.members(["images"]);
    expect(record?.card.decision).to.include({ verdict: "accept", stage: null, stale: false });
    expect(await review.cards.record(5000)).to.equal(null);
    const [card] = await review.cards.of([8]);
    expect((card as Card).rejected?.filter(({ changed }) => changed)).to.deep.equal([{ text: "red", changed: true }]);
  });

  it("finds pictures that lie in many pages", async () => {
    const many = join(folder, "many.parquet");
    const noise = (row: number): Promise<Buffer> =>
      sharp({
        create: {
          ...{ width: 160, height: 160, channels: 3, background: { r: row, g: 90, b: 30 } },
          noise: { type: "gaussian", mean: row, sigma: 30 },
        },
      })
        .png()
        .toBuffer();
    const large = await Promise.all(
      rows.map(async (row, at) => ({
        ...row,
        images: [new Uint8Array(await noise(at))],
        rejectedImages: at % 7 === 6 ? null : [new Uint8Array(await noise(at + 100))],
      })),
    );
    await writePairRows(many, large);
    const [group] = (await openParquet(many)).metadata.row_groups;
    expect(group?.columns[1]?.offset_index_offset, "the file has an index").to.not.equal(undefined);
    await withDuckDB(many, {}, async (connection, connect) => {
      const opened = await Review.open(many, `${many}.decisions.jsonl`, connection, connect);
      for (const wanted of [[119], [0, 1, 2, 3, 90, 91, 40, 13], rows.map((_, at) => at)]) {
        const found = await Promise.all(wanted.map((row) => opened.images.of(row)));
        for (const [at, { images, rejectedImages }] of found.entries()) {
          const row = large[wanted[at] as number];
          expect(images).to.deep.equal(row?.images);
          expect(rejectedImages).to.deep.equal(row?.rejectedImages ?? []);
        }
      }
    });
  });

  it("opens again with what was decided; a pair that has changed since is told", async () => {
    const changed = join(folder, "changed.parquet");
    const other = rows.map((row) => (row.id === "pair-8" ? { ...row, chosen: "Something else." } : row));
    await writePairRows(changed, other);
    await withDuckDB(changed, {}, async (connection, connect) => {
      const again = await Review.open(changed, `${path}.decisions.jsonl`, connection, connect);
      expect((await again.facts()).verdicts).to.deep.equal({ accept: 1, reject: 1, stage: 1 });
      const cards = await again.cards.of([3, 8, 9]);
      expect(cards.map(({ decision }) => decision?.stale)).to.deep.equal([false, true, undefined]);
      await writePairRows(changed, rows);
      const error = await again.decide({ row: 3, verdict: "reject", stage: null }).catch((cause: unknown) => cause);
      expect((error as Error).message).to.include("was changed or removed since it was opened");
    });
  });

  it("gives the stages that the file has, and no others", async () => {
    const staged = join(folder, "staged.parquet");
    await writePairRows(
      staged,
      rows.map((row, at) => ({ ...row, stage: at % 5 })),
    );
    await withDuckDB(staged, {}, async (connection, connect) => {
      const opened = await Review.open(staged, `${staged}.decisions.jsonl`, connection, connect);
      const [card] = await opened.cards.of([7]);
      expect(card?.stagesToGive).to.deep.equal([0, 1, 2, 3, 4]);
      const given = await opened.decide({ row: 7, verdict: "stage", stage: 4 });
      expect(given.decision).to.include({ verdict: "stage", stage: 4, stale: false });
      const error = await opened.decide({ row: 7, verdict: "stage", stage: 5 }).catch((cause: unknown) => cause);
      expect(error).to.be.instanceOf(UserError);
      expect((error as Error).message).to.equal("stage 5: expected one of 0, 1, 2, 3, 4");
      await opened.decisions.close();
    });
    const [card] = await review.cards.of([7]);
    expect(card?.stagesToGive).to.deep.equal([0, 1, 2]);
  });

  it("takes a file with the least columns, and refuses what is no pairs file", async () => {
    const open = (file: string): Promise<unknown> =>
      withDuckDB(file, {}, async (connection, connect) => {
        const opened = await Review.open(file, `${file}.decisions.jsonl`, connection, connect);
        const { rows: count, lacks, numbers } = await opened.facts();
        const [card] = await opened.cards.of([0]);
        const { count: incomplete } = await opened.selections.select({ ...EVERYTHING, incomplete: true }, IN_ORDER);
        return {
          count,
          lacks: lacks.length,
          numbers,
          id: card?.id,
          incomplete,
          figures: await opened.figures(EVERYTHING),
        };
      });
    const least = join(folder, "least.parquet");
    const [first, second] = rows as [PairRow, PairRow];
    const columns = ["prompt", "chosen"].map((name) => ({ name, kind: "string" as const }));
    await writeTable(
      least,
      [{ name: "images", kind: "images" }, ...columns],
      [first, second].map(({ images, prompt, chosen }) => ({ images, prompt, chosen })),
    );
    expect(await open(least)).to.deep.include({ count: 2, lacks: 4, numbers: [], id: "row-0", incomplete: 2 });
    const texts = join(folder, "texts.parquet");
    await writeTable(texts, columns, [{ prompt: "a", chosen: "b" }]);
    const blank = join(folder, "blank.parquet");
    await writePairRows(blank, []);
    for (const [file, expected] of [
      [texts, 'column "images" is missing'],
      [blank, "holds no pairs"],
      [join(folder, "absent.parquet"), "cannot open"],
      [`${path}.decisions.jsonl`, "is not a complete Parquet file"],
    ] as const) {
      const error = await open(file).catch((cause: unknown) => cause);
      expect(error, file).to.be.instanceOf(UserError);
      expect((error as Error).message)
        .to.include(expected)
        .and.not.include("\n");
    }
  });
});
