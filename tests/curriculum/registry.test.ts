import { expect } from "chai";
import { curriculumPolicy, curriculumPolicyNames, curriculumSettings } from "../../src/curriculum/registry.js";
import { UserError } from "../../src/errors.js";

describe("curricula by name", () => {
  it("fills in every default", () => {
    expect(curriculumSettings.parse({ policy: "staged", promotion: { on: "held-out" } })).to.deep.equal({
      policy: "staged",
      order: "easy-to-hard",
      epochs: 1,
      replay: 0,
      trim: 0,
      promotion: { on: "held-out", accuracy: 0.9, every: 20, share: 0.05 },
    });
  });

  it("names every mistake by its field, and the known names for an unknown one", () => {
    expect(() => curriculumPolicy({ policy: "random" } as never)).to.throw(
      UserError,
      `curriculum.policy: found "random", expected one of ${curriculumPolicyNames.join(", ")}`,
    );
    const wrong = { policy: "staged", epochs: 0, replay: 1, promotion: { on: "plateau", window: 1.5 }, order: "up" };
    expect(() => curriculumPolicy(wrong as never)).to.throw(
      UserError,
      /^curriculum\.order: found "up", expected one of easy-to-hard.*curriculum\.epochs: found 0, expected a number of at least 1; curriculum\.replay: found 1, expected a number below 1; curriculum\.promotion\.window: found 1\.5, expected a whole number$/,
    );
    expect(() => curriculumPolicy({ policy: "competence", replay: 0.5 } as never)).to.throw(
      UserError,
      "curriculum.replay: there is no such field",
    );
  });

  it("refuses runs that cannot be", () => {
    const pair = { pair: 0, difficulty: 0, stage: 0 };
    const curriculum = curriculumPolicy({ policy: "staged" });
    expect(() => curriculum([pair], { effectiveBatch: 0, seed: 1 })).to.throw(UserError, "effectiveBatch: found 0");
    expect(() => curriculum([pair], { effectiveBatch: 1, seed: -1 })).to.throw(UserError, "seed: found -1");
    expect(() => curriculum([pair, pair], { effectiveBatch: 1, seed: 1 })).to.throw(UserError, "found pair 0 twice");
  });
});
