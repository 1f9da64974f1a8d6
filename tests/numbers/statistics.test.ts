import { expect } from "chai";
import fc from "fast-check";
import { averageRanks, mean, percentileInterval, quantile, spearman } from "../../src/numbers/statistics.js";

const values = fc.array(fc.integer({ min: -20, max: 20 }), { minLength: 1, maxLength: 30 });

describe("statistics", () => {
  it("takes means", () => {
    expect(mean([1, 2, 6])).to.equal(3);
    expect(mean([])).to.equal(null);
  });

  it("interpolates quantiles like NumPy's default", () => {
    // numpy.quantile([1, 2, 4, 8], [0, .25, .5, .9, 1]) = 1, 1.75, 3, 6.8, 8
    const quantiles = [0, 0.25, 0.5, 0.9, 1].map((share) => quantile([8, 1, 4, 2], share));
    [1, 1.75, 3, 6.8, 8].forEach((expected, at) => expect(quantiles[at]).to.be.closeTo(expected, 1e-12));
    expect(quantile([], 0.5)).to.equal(null);
    expect(() => quantile([1], 1.5)).to.throw(RangeError, "1.5");
  });

  it("keeps quantiles within the values and in order", () => {
    fc.assert(
      fc.property(
        values,
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (v, a, b) => {
          const low = quantile(v, Math.min(a, b)) as number;
          const high = quantile(v, Math.max(a, b)) as number;
          expect(low).to.be.at.least(Math.min(...v));
          expect(high).to.be.at.most(Math.max(...v));
          expect(low).to.be.at.most(high + 1e-9);
        },
      ),
    );
  });

  it("gives tied values the mean of their ranks", () => {
    expect(averageRanks([10, 20, 20, 5])).to.deep.equal([2, 3.5, 3.5, 1]);
    expect(averageRanks([7, 7, 7])).to.deep.equal([2, 2, 2]);
  });

  it("ranks as counting says: one more than the smaller values and half of the equal others", () => {
    fc.assert(
      fc.property(values, (v) => {
        const counted = v.map((x) => 1 + v.filter((y) => y < x).length + (v.filter((y) => y === x).length - 1) / 2);
        expect(averageRanks(v)).to.deep.equal(counted);
      }),
    );
  });

  it("correlates ranks", () => {
    expect(spearman([1, 2, 3], [10, 100, 1000])).to.be.closeTo(1, 1e-12);
    expect(spearman([1, 2, 3], [3, 2, 1])).to.be.closeTo(-1, 1e-12);
    // d = 1,-1,1,-1 -> 1 - 6 * 4 / (4 * 15) = 0.6
    expect(spearman([1, 2, 3, 4], [2, 1, 4, 3])).to.be.closeTo(0.6, 1e-12);
    // Ranks 1, 2.5, 2.5, 4 against 1, 2, 3, 4: covariance 4.5, squares 4.5 and 5 -> 4.5 / sqrt(22.5)
    expect(spearman([1, 2, 2, 3], [1, 2, 3, 4])).to.be.closeTo(4.5 / Math.sqrt(22.5), 1e-12);
    expect(spearman([1, 1], [1, 2])).to.equal(null);
    expect(spearman([1], [1])).to.equal(null);
    expect(() => spearman([1], [1, 2])).to.throw(RangeError);
  });

  it("keeps a correlation within bounds, symmetric and blind to monotone changes", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 9 })), {
          minLength: 2,
          maxLength: 30,
        }),
        (pairs) => {
          const a = pairs.map(([x]) => x);
          const b = pairs.map(([, y]) => y);
          const rho = spearman(a, b);
          if (rho === null) return;
          expect(Math.abs(rho)).to.be.at.most(1);
          expect(spearman(b, a)).to.be.closeTo(rho, 1e-12);
          expect(
            spearman(
              a.map((x) => x ** 3),
              b,
            ),
          ).to.be.closeTo(rho, 1e-12);
          expect(
            spearman(
              a.map((x) => -x),
              b,
            ),
          ).to.be.closeTo(-rho, 1e-12);
        },
      ),
    );
  });

  it("leaves undefined draws out of an interval", () => {
    expect(percentileInterval([null, null])).to.equal(null);
    expect(percentileInterval([null, 2, null])).to.deep.equal([2, 2]);
    const draws = Array.from({ length: 101 }, (_, at) => at);
    const [low, high] = percentileInterval(draws, 0.9) as [number, number];
    expect(low).to.be.closeTo(5, 1e-9);
    expect(high).to.be.closeTo(95, 1e-9);
  });
});
