import { expect } from "chai";
import { pBelow, seedEstimate } from "../../src/study/seed-interval.js";
import { holm, judge, type Statement } from "../../src/study/verdict.js";

/** Differences of 2 degrees of freedom, of which tables have the quantiles: t(0.95) = 2.919986, t(0.975) = 4.302653. */
const estimate = (value: number, standardError: number, freedom = 2) => ({ value, standardError, freedom });

describe("pBelow", () => {
  it("is Student's t, by tables", () => {
    expect(pBelow(estimate(-2.919986, 1), 0)).to.be.closeTo(0.05, 1e-6);
    expect(pBelow(estimate(-4.302653, 1), 0)).to.be.closeTo(0.025, 1e-6);
    // Two above 0.5, in halves: t = 4 with 4 degrees of freedom; P(T <= 4) = 0.991935 from tables.
    expect(pBelow(estimate(2.5, 0.5, 4), 0.5)).to.be.closeTo(0.991935, 1e-5);
    expect(pBelow(estimate(3, 2, 5), 3)).to.be.closeTo(0.5, 1e-6);
  });

  it("is certain where nothing varies", () => {
    expect(pBelow(estimate(-1, 0, NaN), 0)).to.equal(0);
    expect(pBelow(estimate(0, 0, NaN), 0)).to.equal(1);
  });
});

describe("seedEstimate", () => {
  it("has the standard error of a mean over seeds where scenes do not vary", () => {
    const found = seedEstimate({ value: 10, bySeed: [8, 10, 12], draws: [10, 10], scenes: 2000 });
    expect(found?.standardError).to.be.closeTo(Math.sqrt(4 / 3), 1e-12);
    expect(found?.freedom).to.be.closeTo(2, 1e-12);
  });
});

describe("holm", () => {
  it("multiplies the least by the number of tests, the next by one less, and never falls", () => {
    // 0.01 x 4, 0.02 x 3, 0.03 x 2 (no less than 0.06), 0.5 x 1.
    const found = holm([0.03, 0.01, 0.5, 0.02]);
    for (const [at, value] of [0.06, 0.04, 0.5, 0.06].entries()) expect(found[at]).to.be.closeTo(value, 1e-12);
  });

  it("stops at 1 and leaves out what was not tested", () => {
    expect(holm([0.6, null, 0.7])).to.deep.equal([1, null, 1]);
    expect(holm([])).to.deep.equal([]);
  });
});

describe("judge", () => {
  const lower: Statement = { says: "lower", bound: 2 };
  const noHigher: Statement = { says: "no-higher", bound: 2 };
  const verdictOf = (statement: Statement, value: number, standardError: number, freedom = 1000) =>
    judge([{ statement, estimate: estimate(value, standardError, freedom), interval: null }])[0]?.verdict;

  it("of a claim that one is lower", () => {
    expect(verdictOf(lower, -5, 1)).to.equal("supported");
    expect(verdictOf(lower, 5, 1)).to.equal("refuted");
    // As sure that it is lower as that it is lower by less than matters.
    expect(verdictOf(lower, -1, 0.1)).to.equal("refuted");
    expect(verdictOf(lower, 0, 0.1)).to.equal("refuted");
    expect(verdictOf(lower, -5, 4)).to.equal("undecided");
    expect(verdictOf(lower, -2, 0.1)).to.equal("supported");
  });

  it("of a claim that one is no higher", () => {
    expect(verdictOf(noHigher, 0, 0.5)).to.equal("supported");
    expect(verdictOf(noHigher, -9, 0.5)).to.equal("supported");
    expect(verdictOf(noHigher, 5, 0.5)).to.equal("refuted");
    expect(verdictOf(noHigher, 2, 0.5)).to.equal("undecided");
  });

  it("asks more of each claim the more there are", () => {
    // p is 0.0228 by itself; of three it is 0.0684.
    const one = { statement: lower, estimate: estimate(-8, 4, 1e6), interval: null };
    expect(judge([one])[0]?.verdict).to.equal("supported");
    const judged = judge([one, one, one]);
    expect(judged.map(({ verdict }) => verdict)).to.deep.equal(["undecided", "undecided", "undecided"]);
    expect(judged[0]?.p).to.be.closeTo(3 * 0.02275, 1e-4);
  });

  it("leaves a claim undecided that nothing measured", () => {
    const [judged] = judge([{ statement: lower, estimate: null, interval: null }]);
    expect(judged).to.deep.equal({
      verdict: "undecided",
      difference: null,
      interval: null,
      p: null,
      pEquivalent: null,
    });
  });
});
