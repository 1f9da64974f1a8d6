import { expect } from "chai";
import fc from "fast-check";
import { uniformFloat64 } from "pure-rand/distribution/uniformFloat64";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import type { Metric, Scored } from "../../src/evaluation/benchmark.js";
import { bootstrapSheet, intervals } from "../../src/evaluation/sheet-bootstrap.js";
import { TallySheet, type Totals } from "../../src/evaluation/tally-sheet.js";

const METRICS: Metric[] = [{ name: "share", title: "share", better: "higher", digits: 1 }];

function scored(sheet: TallySheet): Scored {
  const figures: Scored["figures"] = ({ right = 0, all = 0 }) => ({ share: all === 0 ? null : (100 * right) / all });
  return { sheet, n: sheet.size, metrics: METRICS, figures };
}

describe("a tally sheet", () => {
  it("sums by unit and by column", () => {
    const sheet = new TallySheet();
    sheet.add("b", "right", 1);
    sheet.add("a", "all", 2);
    sheet.add("b", "all", 3);
    sheet.add("b", "all", 0.5);
    sheet.add("c", "all", 0);
    expect(sheet.units).to.deep.equal(["b", "a", "c"]);
    expect(sheet.columns).to.deep.equal(["right", "all"]);
    expect(sheet.totals()).to.deep.equal({ right: 1, all: 5.5 });
    expect(sheet.row("b")).to.deep.equal({ right: 1, all: 3.5 });
    expect(sheet.row("c")).to.deep.equal({});
    expect(sheet.row("z")).to.deep.equal({});
    expect([...sheet.table(["a", "b", "z"])]).to.deep.equal([0, 2, 1, 3.5, 0, 0]);
    expect(() => sheet.add("a", "all", NaN)).to.throw(RangeError, "all of a is NaN");
  });

  it("takes names that objects have", () => {
    const sheet = new TallySheet();
    for (const name of ["__proto__", "constructor", "toString"]) sheet.add(name, name, 2);
    expect(Object.entries(sheet.totals())).to.have.lengthOf(3);
    expect(Object.entries(sheet.row("__proto__"))).to.deep.equal([["__proto__", 2]]);
  });

  it("holds what a table of the additions holds", () => {
    const additions = fc.array(fc.tuple(fc.nat(200), fc.nat(5), fc.integer({ min: -9, max: 9 })), { maxLength: 400 });
    fc.assert(
      fc.property(additions, (all) => {
        const sheet = new TallySheet();
        for (const [unit, column, value] of all) sheet.add(`u${unit}`, `c${column}`, value);
        for (const column of sheet.columns) {
          const expected = all.filter(([, c]) => `c${c}` === column).reduce((sum, [, , value]) => sum + value, 0);
          expect(sheet.totals()[column]).to.equal(expected);
        }
        expect(sheet.units).to.have.lengthOf(new Set(all.map(([unit]) => unit)).size);
      }),
    );
  });
});

describe("the bootstrap of a sheet", () => {
  it("agrees with the normal approximation of a share", () => {
    const sheet = new TallySheet();
    for (let unit = 0; unit < 1000; unit++) {
      sheet.add(String(unit), "all", 1);
      sheet.add(String(unit), "right", unit % 5 === 0 ? 1 : 0);
    }
    // 20 % of 1000: standard error sqrt(.2 * .8 / 1000) = 1.265 points.
    const [low, high] = intervals(bootstrapSheet(scored(sheet)))["share"] as [number, number];
    expect(low).to.be.closeTo(20 - 1.96 * 1.265, 0.4);
    expect(high).to.be.closeTo(20 + 1.96 * 1.265, 0.4);
  });

  it("covers the true share about as often as the level says, and draws every image about equally often", () => {
    const random = xoroshiro128plus(11);
    let covered = 0;
    for (let trial = 0; trial < 200; trial++) {
      const sheet = new TallySheet();
      for (let unit = 0; unit < 200; unit++) {
        sheet.add(String(unit), "all", 1);
        sheet.add(String(unit), "right", uniformFloat64(random) < 0.3 ? 1 : 0);
      }
      const [low, high] = intervals(bootstrapSheet(scored(sheet), 400))["share"] as [number, number];
      if (low <= 30 && 30 <= high) covered++;
    }
    // 95 % of 200 trials: 190, standard deviation 3.1; the percentile interval runs a little short.
    expect(covered).to.be.within(178, 199);
    const hits = new Map<string, number>();
    const sheet = new TallySheet();
    for (let unit = 0; unit < 20; unit++) sheet.add(`u${unit}`, `u${unit}`, 1);
    const count = (totals: Totals) => {
      for (const [unit, times] of Object.entries(totals)) hits.set(unit, (hits.get(unit) ?? 0) + times);
      return {};
    };
    bootstrapSheet({ ...scored(sheet), figures: count }, 500);
    expect(hits.size).to.equal(20);
    // Expected 500, standard deviation 21.8; five of them is far out.
    for (const times of hits.values()) expect(times).to.be.within(390, 610);
  });

  it("keeps the tallies of an image together", () => {
    const sheet = new TallySheet();
    for (let unit = 0; unit < 100; unit++) {
      sheet.add(String(unit), "all", 100);
      sheet.add(String(unit), "right", unit % 2 === 0 ? 100 : 0);
    }
    // As wide as 100 images allow, however many answers each has: standard error 5 points.
    const [low, high] = intervals(bootstrapSheet(scored(sheet)))["share"] as [number, number];
    expect(low).to.be.closeTo(50 - 9.8, 1.5);
    expect(high).to.be.closeTo(50 + 9.8, 1.5);
  });

  it("draws the same images for two sheets over the same images, whatever their order", () => {
    const [first, second] = [new TallySheet(), new TallySheet()];
    const units = Array.from({ length: 30 }, (_, unit) => `u${unit}`);
    for (const [at, unit] of units.entries()) first.add(unit, "all", 1 + (at % 3));
    for (const [at, unit] of [...units.entries()].reverse()) second.add(unit, "right", 1 + (at % 3));
    const draws = (sheet: TallySheet, column: string) =>
      bootstrapSheet({ ...scored(sheet), figures: (totals) => ({ share: totals[column] ?? 0 }) }, 50)["share"];
    expect(draws(first, "all")).to.deep.equal(draws(second, "right"));
  });

  it("is undefined where no resample defines a figure", () => {
    const sheet = new TallySheet();
    sheet.add("a", "other", 1);
    const draws = bootstrapSheet(scored(sheet), 10);
    expect(draws).to.deep.equal({ share: Array.from({ length: 10 }, () => null) });
    expect(intervals(draws)).to.deep.equal({ share: null });
    expect(intervals(bootstrapSheet(scored(new TallySheet()), 10))).to.deep.equal({ share: null });
  });

  it("takes 100,000 images in a few seconds of a core", function () {
    const sheet = new TallySheet();
    for (let unit = 0; unit < 100_000; unit++) {
      for (const [at, column] of ["all", "right", "a", "b", "c", "d"].entries()) {
        sheet.add(String(unit), column, (unit + at) % 7);
      }
    }
    const started = process.cpuUsage();
    bootstrapSheet(scored(sheet));
    // Measured at 1.4 s. The core's time and not the clock's: other processes may share it.
    expect(process.cpuUsage(started).user / 1e6).to.be.below(10);
  });
});
