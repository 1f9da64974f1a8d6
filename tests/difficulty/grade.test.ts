import { expect } from "chai";
import fc from "fast-check";
import { DEFAULT_SIGNALS, gradePairs, SIGNALS, type PairSignals } from "../../src/difficulty/grade.js";
import { UserError } from "../../src/errors.js";

const only = (name: keyof PairSignals) => ({
  ...DEFAULT_SIGNALS,
  ...Object.fromEntries(SIGNALS.filter((other) => other !== name).map((other) => [other, { sign: 1, weight: 0 }])),
});

const coarse = fc.integer({ min: 0, max: 8 }).map((value) => value / 4);
const pair = fc.record({
  entropy: coarse,
  image_similarity: coarse,
  transport_distance: coarse,
  word_proximity: fc.option(coarse, { nil: undefined }),
});
const pairs = fc.array(pair, { minLength: 1, maxLength: 20 });

describe("gradePairs", () => {
  it("averages the ranks of the signals, by hand", () => {
    // entropy ranks 0, .5, 1; similarity 1, .5, 0; distance (less is harder) 0, 1, .5 -> means 1/3, 2/3, 1/2
    const graded = gradePairs([
      { entropy: 0.1, image_similarity: 0.9, transport_distance: 0.8 },
      { entropy: 0.2, image_similarity: 0.5, transport_distance: 0.1 },
      { entropy: 0.7, image_similarity: 0.1, transport_distance: 0.3 },
    ]);
    expect(graded).to.deep.equal([0, 1, 0.5]);
  });

  it("turns a signal around with its sign and counts it by its weight", () => {
    const values = [{ transport_distance: 3 }, { transport_distance: 1 }, { transport_distance: 2 }];
    expect(gradePairs(values)).to.deep.equal([0, 1, 0.5]);
    const uses = {
      ...DEFAULT_SIGNALS,
      entropy: { sign: 1, weight: 3 },
      transport_distance: { sign: -1, weight: 1 },
    } as const;
    // 3 parts entropy (0, 1, .5) outweigh one part distance (1, 0, .5).
    const graded = gradePairs(
      [
        { entropy: 0, transport_distance: 1 },
        { entropy: 2, transport_distance: 3 },
        { entropy: 1, transport_distance: 2 },
      ],
      uses,
    );
    expect(graded).to.deep.equal([0, 1, 0.5]);
  });

  it("treats a missing signal as missing, not as zero", () => {
    // Words alone: ranks 0 and 1 over the two that have them. Means: 0, .5 (entropy alone), (1 + 1) / 2.
    const graded = gradePairs([
      { entropy: 1, word_proximity: 0.2 },
      { entropy: 2 },
      { entropy: 3, word_proximity: 0.9 },
    ]);
    expect(graded).to.deep.equal([0, 0.5, 1]);
    // Were the missing value a zero, the second pair would be the easiest by words and fall behind the first.
    const even = gradePairs([{ entropy: 1, word_proximity: 0.5 }, { entropy: 1 }]);
    expect(even).to.deep.equal([0.5, 0.5]);
  });

  it("scales signals from least to most when asked to, and leaves their mean as it is", () => {
    // entropy 0, .25, 1; distance (less is harder) 1, 0, .8 -> means .5, .125, .9
    const values = [
      { entropy: 2, transport_distance: 10 },
      { entropy: 3, transport_distance: 60 },
      { entropy: 6, transport_distance: 20 },
    ];
    expect(gradePairs(values, DEFAULT_SIGNALS, { normalise: "min-max" })).to.deep.equal([0.5, 0.125, 0.9]);
    const same = gradePairs([{ entropy: 4 }, { entropy: 4 }], DEFAULT_SIGNALS, { normalise: "min-max" });
    expect(same).to.deep.equal([0.5, 0.5]);
    const far = [{ entropy: -1.5e308 }, { entropy: 1.5e308 }];
    expect(() => gradePairs(far, DEFAULT_SIGNALS, { normalise: "min-max" })).to.throw(UserError, "too far apart");
  });

  it("takes a missing signal for the middle, or requires it, when asked to", () => {
    const values = [{ entropy: 0, word_proximity: 0 }, { entropy: 2 }, { entropy: 2, word_proximity: 1 }];
    // entropy 0, 1, 1; words 0, (.5), 1
    const combination = { normalise: "min-max", missing: "middle" } as const;
    expect(gradePairs(values, DEFAULT_SIGNALS, combination)).to.deep.equal([0, 0.75, 1]);
    expect(gradePairs(values, DEFAULT_SIGNALS, { ...combination, missing: "skip" })).to.deep.equal([0, 1, 1]);
    const needs = { ...only("entropy"), word_proximity: { sign: 1, weight: 1 } } as const;
    expect(() => gradePairs(values, needs, { missing: "require" })).to.throw(
      UserError,
      "pair 1: signal word_proximity is missing",
    );
    expect(() => gradePairs([{ entropy: 1 }, {}], DEFAULT_SIGNALS, { missing: "middle" })).to.throw(
      "pair 1: no signal",
    );
  });

  it("stays within 0..1 and follows the pairs when they are reordered", () => {
    fc.assert(
      fc.property(pairs, fc.nat(), (drawn, turn) => {
        const graded = gradePairs(drawn);
        for (const difficulty of graded) expect(difficulty).to.be.within(0, 1);
        const order = drawn.map((_, at) => (at + turn) % drawn.length);
        const rotated = gradePairs(order.map((at) => drawn[at] as PairSignals));
        expect(rotated).to.deep.equal(order.map((at) => graded[at]));
      }),
    );
  });

  it("never lowers the difficulty of a pair whose signal grows harder", () => {
    const signal = fc.constantFrom(...SIGNALS);
    fc.assert(
      fc.property(pairs, fc.nat(), signal, fc.integer({ min: 1, max: 8 }), (drawn, pick, name, step) => {
        const at = pick % drawn.length;
        const before = drawn[at] as PairSignals;
        const value = before[name];
        if (value === undefined) return;
        const harder = drawn.map((same, index): PairSignals =>
          index === at ? { ...before, [name]: value + (DEFAULT_SIGNALS[name].sign * step) / 4 } : same,
        );
        expect(gradePairs(harder)[at]).to.be.at.least(gradePairs(drawn)[at] as number);
      }),
      { numRuns: 300 },
    );
  });

  it("names the pair and the signal that cannot be graded", () => {
    expect(() => gradePairs([{ entropy: 1 }, {}])).to.throw(UserError, "pair 1: no signal");
    expect(() => gradePairs([{ entropy: 1 }, { entropy: NaN }])).to.throw(UserError, "pair 1: signal entropy is NaN");
    expect(() => gradePairs([{ entropy: 1 }], only("word_proximity"))).to.throw(UserError, "pair 0");
    const negative = { ...DEFAULT_SIGNALS, entropy: { sign: 1, weight: -1 } } as const;
    expect(() => gradePairs([{ entropy: 1 }], negative)).to.throw(UserError, "signal entropy: weight is -1");
  });
});
