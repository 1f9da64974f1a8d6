import { expect } from "chai";
import { kindCorrelation, measureAgreement, pairError } from "../../src/difficulty/agreement.js";

const logps = (ww: number, lw: number, wl: number, ll: number) => ({
  chosenGivenImages: ww,
  rejectedGivenImages: lw,
  chosenGivenRejectedImages: wl,
  rejectedGivenRejectedImages: ll,
});

describe("pairError", () => {
  it("counts wrong margins and averages all four", () => {
    // ww - lw = 1, ww - wl = -1, ll - lw = 2, ll - wl = 0 (a tie is wrong): half wrong, mean 0.5
    expect(pairError(logps(-4, -5, -3, -3))).to.deep.equal({ wrong_margins: 0.5, negative_margin: -0.5 });
    expect(pairError(logps(-1, -9, -9, -1))).to.deep.equal({ wrong_margins: 0, negative_margin: -8 });
    expect(pairError(logps(-9, -1, -1, -9))).to.deep.equal({ wrong_margins: 1, negative_margin: 8 });
  });
});

describe("kindCorrelation", () => {
  it("is high where the kind decides the error and undefined where there is one kind", () => {
    const kinds = Array.from({ length: 40 }, (_, at) => (at % 2 === 0 ? "object" : "presence"));
    const errors = kinds.map((kind) => (kind === "object" ? 1 : 0));
    expect(kindCorrelation(kinds, errors)).to.be.closeTo(1, 1e-12);
    expect(
      kindCorrelation(
        kinds.map(() => "object"),
        errors,
      ),
    ).to.equal(null);
  });

  it("does not reward kinds that are unique to a pair", () => {
    const kinds = Array.from({ length: 40 }, (_, at) => `kind ${at}`);
    expect(
      kindCorrelation(
        kinds,
        kinds.map((_, at) => at),
      ),
    ).to.equal(null);
  });

  it("stays near zero for kinds that say nothing", () => {
    // Errors 0..199 in an order unrelated to the kind: 7 is prime to 200.
    const errors = Array.from({ length: 200 }, (_, at) => (at * 77) % 200);
    const kinds = errors.map((_, at) => `kind ${Math.floor(at / 3) % 4}`);
    expect(Math.abs(kindCorrelation(kinds, errors) as number)).to.be.lessThan(0.2);
  });
});

describe("measureAgreement", () => {
  it("sets difficulty beside its signals, signs applied, over the pairs that have them", () => {
    const pairs = [0, 1, 2, 3].map((at) => ({
      difficulty: at / 3,
      signals: {
        entropy: 3 - at,
        image_similarity: null,
        transport_distance: 3 - at,
        word_proximity: at > 1 ? at : null,
      },
      kind: at % 2 === 0 ? "object" : "presence",
      error: pairError(logps(-5, -6 + at, -6 + at, -5)),
    }));
    const agreement = measureAgreement(pairs);
    expect(agreement.difficulty.negative_margin).to.be.closeTo(1, 1e-12);
    expect(agreement.signals.entropy.negative_margin).to.be.closeTo(-1, 1e-12);
    expect(agreement.signals.transport_distance.negative_margin).to.be.closeTo(1, 1e-12);
    expect(agreement.signals.word_proximity).to.deep.include({ pairs: 2 });
    expect(agreement.signals.image_similarity).to.deep.equal({ wrong_margins: null, negative_margin: null, pairs: 0 });
    // Margins 1, 0, -1, -2: wrong shares 0, 1, 1, 1.
    expect(agreement.difficulty.wrong_margins).to.be.closeTo(3 / Math.sqrt(3 * 5), 1e-12);
  });
});
