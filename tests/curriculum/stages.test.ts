import { expect } from "chai";
import fc from "fast-check";
import { cutStages, stagesByBounds } from "../../src/curriculum/stages.js";
import { UserError } from "../../src/errors.js";

const coarse = fc.integer({ min: 0, max: 8 }).map((value) => value / 4);

describe("cutStages", () => {
  it("cuts at the quantiles and breaks ties by index", () => {
    expect(cutStages([0.9, 0.1, 0.5, 0.2, 0.8, 0.4], 3)).to.deep.equal([2, 0, 1, 0, 2, 1]);
    expect(cutStages([0.5, 0.5, 0.5, 0.5], 2)).to.deep.equal([0, 0, 1, 1]);
  });

  it("gives every stage its share and never puts an easier pair later", () => {
    fc.assert(
      fc.property(
        fc.array(coarse, { minLength: 3, maxLength: 40 }),
        fc.integer({ min: 1, max: 3 }),
        (difficulties, stages) => {
          const cut = cutStages(difficulties, stages);
          const sizes = Array.from({ length: stages }, (_, stage) => cut.filter((at) => at === stage).length);
          expect(Math.max(...sizes) - Math.min(...sizes)).to.be.at.most(1);
          for (const [a, stageA] of cut.entries()) {
            for (const [b, stageB] of cut.entries()) {
              if (stageA < stageB) expect(difficulties[a]).to.be.at.most(difficulties[b] as number);
            }
          }
        },
      ),
    );
  });

  it("refuses more stages than pairs", () => {
    expect(() => cutStages([0.1, 0.2], 3)).to.throw(UserError, "stages is 3");
    expect(() => cutStages([0.1], 0)).to.throw(UserError, "stages is 0");
  });
});

describe("stagesByBounds", () => {
  it("opens a harder stage at each bound, the bound itself included", () => {
    expect(stagesByBounds([0, 0.29, 0.3, 0.5, 0.7, 1], [0.3, 0.7])).to.deep.equal([0, 0, 1, 1, 2, 2]);
    expect(stagesByBounds([0.9, 0.1], [0.5])).to.deep.equal([1, 0]);
  });

  it("keeps each pair between its stage's bounds", () => {
    const inner = fc.integer({ min: 1, max: 99 }).map((value) => value / 100);
    const rising = fc
      .uniqueArray(inner, { minLength: 1, maxLength: 6 })
      .map((bounds) => [...bounds].sort((a, b) => a - b));
    const difficulty = fc.oneof(inner, fc.double({ min: 0, max: 1, noNaN: true }));
    fc.assert(
      fc.property(fc.array(difficulty), rising, (difficulties, bounds) => {
        for (const [at, stage] of stagesByBounds(difficulties, bounds).entries()) {
          expect(difficulties[at]).to.be.at.least([0, ...bounds][stage] as number);
          if (stage < bounds.length) expect(difficulties[at]).to.be.below(bounds[stage] as number);
        }
      }),
    );
  });

  it("refuses bounds that do not rise from above 0 to below 1", () => {
    for (const bounds of [[], [0], [1], [0.7, 0.3], [0.3, 0.3], [Number.NaN], [-0.1, 0.5]]) {
      expect(() => stagesByBounds([0.5], bounds)).to.throw(UserError, "bounds: found");
    }
  });
});
