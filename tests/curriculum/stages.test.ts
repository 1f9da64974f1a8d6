import { expect } from "chai";
import fc from "fast-check";
import { cutStages } from "../../src/curriculum/stages.js";
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
