import { expect } from "chai";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UserError } from "../../src/errors.js";
import { compareResults, differenceOf } from "../../src/evaluation/compare.js";
import { evalResultJson, readEvalResult, writeEvalResult, type EvalResult } from "../../src/evaluation/eval-result.js";
import { evalResult } from "../../src/evaluation/score.js";
import { TallySheet } from "../../src/evaluation/tally-sheet.js";
import { tradeOffSvg } from "../../src/report/eval-trade-off.js";

/** Right answers to two questions about each of 200 images; every image that `lost` names loses one. */
function result(lost: (image: number) => boolean, images = 200): EvalResult {
  const sheet = new TallySheet();
  for (let image = 0; image < images; image++) {
    sheet.add(`i${image}`, "all", 2);
    // Images differ widely from each other, alike in both results.
    sheet.add(`i${image}`, "right", (image % 2 === 0 ? 2 : 1) - (lost(image) ? 1 : 0));
  }
  const metrics = ["chair", "cover"].map((name) => ({ name, title: name, better: "higher", digits: 1 }) as const);
  return evalResult(
    "test",
    "strict",
    {
      sheet,
      n: 2 * images,
      metrics: [...metrics, { name: "never", title: "", better: "neither", digits: 0 }],
      figures: ({ right = 0, all = 0 }) => ({ chair: (100 * right) / all, cover: (50 * right) / all, never: null }),
    },
    { inputs: { "annotations/labels.json": "aa", "answers/x.jsonl": "bb" }, settings: { judge: "one" }, notes: [] },
  );
}

describe("comparing results", () => {
  const base = result(() => false);
  const named = (first: EvalResult, second: EvalResult) =>
    [
      { name: "a.json", result: first },
      { name: "b.json", result: second },
    ] as const;

  it("finds a difference that the images' own spread would hide", () => {
    // Every tenth image loses one of two answers: 75 % becomes 70 %. Paired standard error:
    // half the standard deviation of a share of .1 over 200 images, 100 * .5 * sqrt(.1 * .9 / 200) = 1.06 points.
    const comparison = compareResults(
      ...named(
        base,
        result((image) => image % 10 === 0),
      ),
    );
    const [chair, cover, never] = comparison.metrics;
    expect(comparison).to.include({ a: "a.json", b: "b.json", images: 200, resamples: 1000, mode: "strict" });
    expect(chair).to.include({ a: 75, b: 70, difference: -5 });
    const [low, high] = chair?.interval as [number, number];
    expect(low).to.be.closeTo(-5 - 1.96 * 1.06, 0.5);
    expect(high).to.be.closeTo(-5 + 1.96 * 1.06, 0.5);
    // No resample on the other side of zero: 2 * (0 + 1) / 1001.
    expect(chair?.p).to.be.closeTo(2 / 1001, 1e-12);
    expect(cover).to.include({ difference: -2.5 });
    expect(never).to.include({ a: null, b: null, difference: null, interval: null, p: null });
  });

  it("tells how much less the second has, in percent of the first", () => {
    const fewer = result((image) => image % 10 === 0);
    const [less] = compareResults(...named(base, fewer)).metrics;
    // 75 % becomes 70 %; the interval is that of the difference in parts of 75, but for what the base itself varies.
    expect(less?.reduction).to.be.closeTo(100 * (5 / 75), 1e-12);
    const [low, high] = less?.reduction_interval as [number, number];
    expect(low).to.be.closeTo((100 * (5 - 1.96 * 1.06)) / 75, 1);
    expect(high).to.be.closeTo((100 * (5 + 1.96 * 1.06)) / 75, 1);
    const [more] = compareResults(...named(fewer, base)).metrics;
    expect(more?.reduction).to.be.closeTo(-100 * (5 / 70), 1e-12);
    expect(differenceOf({ value: 0, draws: [0, 0] }, { value: 5, draws: [4, 6] })).to.deep.equal({
      ...{ a: 0, b: 5, difference: 5, interval: [4.05, 5.95], reduction: null, reduction_interval: null },
    });
  });

  it("finds none between equal results", () => {
    const [chair] = compareResults(
      ...named(
        base,
        result(() => false),
      ),
    ).metrics;
    expect(chair).to.deep.include({ difference: 0, interval: [0, 0], p: 1 });
  });

  it("is as sure one way as the other", () => {
    const other = result((image) => image % 67 === 0);
    const [forward] = compareResults(...named(base, other)).metrics;
    const [back] = compareResults(...named(other, base)).metrics;
    expect(forward?.p).to.equal(back?.p);
    expect(forward?.difference).to.equal(-(back?.difference as number));
    expect(forward?.p).to.be.within(0.002, 0.2);
  });

  it("refuses what differs in more than the answers", () => {
    const refused = (change: Partial<EvalResult>, first = base) => {
      expect(() => compareResults(...named(first, { ...base, ...change }))).to.throw(UserError);
      try {
        compareResults(...named(first, { ...base, ...change }));
      } catch (error) {
        return (error as UserError).message;
      }
    };
    expect(refused({ mode: "fixed" })).to.match(
      /^a.json and b.json: field mode is strict in the first, fixed in the second/,
    );
    expect(refused({ benchmark: "pope" })).to.match(/field benchmark is test/);
    expect(refused({ inputs: { "annotations/labels.json": "ab" } })).to.match(
      /the hash of annotations\/labels.json is aa/,
    );
    expect(refused({ inputs: {} })).to.match(/annotations\/labels.json is aa in the first, missing in the second/);
    expect(refused({ settings: { judge: "two" } })).to.match(/setting judge is one in the first, two in the second/);
    expect(refused({ settings: { judge: "one", x: "y" } })).to.match(/setting x is missing in the first/);
    expect(refused({ bootstrap: undefined })).to.match(/^b.json: field bootstrap is missing/);
    expect(refused(result(() => false, 199))).to.match(/different images/);
    // Other answers, or the same annotations under another name, are no hindrance.
    const same = { ...base, inputs: { "annotations/other.json": "aa", "answers/y.jsonl": "cc" } };
    expect(compareResults(...named(base, same)).metrics).to.have.lengthOf(3);
  });

  describe("from files", () => {
    let folder: string;
    before(async () => {
      folder = await mkdtemp(join(tmpdir(), "scpo-compare-"));
    });
    after(() => rm(folder, { recursive: true, force: true }));

    it("reads what was written", async () => {
      const path = join(folder, "a.json");
      await writeEvalResult(path, base);
      expect(await readEvalResult(path)).to.deep.equal(JSON.parse(JSON.stringify(base)));
      const text = await readFile(path, "utf8");
      expect(text).to.equal(evalResultJson(base));
      expect(text.split("\n").length).to.be.below(80);
      const { bootstrap, ...rest } = base;
      expect(bootstrap).to.exist;
      expect(JSON.parse(evalResultJson(rest))).to.deep.equal(rest);
    });

    it("names the field that is wrong", async () => {
      const path = join(folder, "wrong.json");
      const complaint = async (content: unknown) => {
        await writeFile(path, JSON.stringify(content));
        return readEvalResult(path).then(
          () => expect.fail("nothing was wrong"),
          (error: unknown) => (error as UserError).message,
        );
      };
      expect(await complaint({ ...base, n: "many" })).to.match(/wrong.json: field n is "many"; expected a result/);
      expect(await complaint({ ...base, metrics: undefined })).to.match(/field metrics is missing/);
      expect(await complaint([])).to.match(/field \(whole file\) is \[\]/);
      // Missing folders are made; below a file there can be none.
      const failed = await writeEvalResult(join(path, "a.json"), base).catch((error: unknown) => error);
      expect(failed).to.be.instanceOf(UserError);
    });

    it("draws hallucination against coverage", () => {
      const svg = tradeOffSvg(
        named(
          base,
          result((image) => image % 3 === 0),
        ),
      );
      expect(svg).to.match(/^<svg xmlns/);
      // Two points with two intervals each, and their names.
      expect(svg.match(/<circle /g)).to.have.lengthOf(2);
      expect(svg.match(/class="line thin" x1/g)).to.have.lengthOf(4);
      expect(svg).to.include("a.json").and.to.include("200 images").and.not.include("NaN");
      expect(() => tradeOffSvg(named({ ...base, about: [] }, base))).to.throw(UserError, "--plot");
      const undefinedChair = { ...base, metrics: { chair: null, cover: 1 } };
      expect(() => tradeOffSvg(named(base, undefinedChair))).to.throw(UserError, "b.json: chair is undefined");
    });
  });
});
