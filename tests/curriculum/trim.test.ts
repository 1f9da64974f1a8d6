import { expect } from "chai";
import fc from "fast-check";
import { curriculumPolicy } from "../../src/curriculum/registry.js";
import { trimmed } from "../../src/curriculum/trim.js";
import { UserError } from "../../src/errors.js";

describe("trimming", () => {
  it("leaves out the hardest share and nothing else", () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 40 }),
        fc.double({ min: 0, max: 0.99, noNaN: true }),
        (difficulties, share) => {
          const pairs = difficulties.map((difficulty, pair) => ({ pair, difficulty, stage: null }));
          const left = trimmed(pairs, share);
          expect(left.length).to.equal(pairs.length - Math.floor(share * pairs.length));
          const out = pairs.filter((pair) => !left.includes(pair));
          const hardest = Math.max(...left.map(({ pair }) => difficulties[pair] as number));
          for (const { pair } of out) expect(difficulties[pair]).to.be.at.least(hardest);
          expect(left).to.deep.equal(pairs.filter((pair) => left.includes(pair)));
        },
      ),
    );
  });

  it("holds for every curriculum", () => {
    const pairs = Array.from({ length: 10 }, (_, pair) => ({ pair, difficulty: pair / 10, stage: pair % 2 }));
    for (const policy of ["staged", "competence", "self-paced"] as const) {
      const { stages } = curriculumPolicy({ policy, trim: 0.25 })(pairs, { effectiveBatch: 2, seed: 1 });
      expect(Math.max(...stages.flatMap((stage) => stage.pairs)), policy).to.be.at.most(7);
    }
    const unscored = [{ pair: 0, difficulty: null, stage: 0 }];
    expect(() => curriculumPolicy({ policy: "staged", trim: 0.1 })(unscored, { effectiveBatch: 1, seed: 1 })).to.throw(
      UserError,
      "to trim the hardest",
    );
  });
});
