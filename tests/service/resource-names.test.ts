import { expect } from "chai";
import fc from "fast-check";
import { ServerError, Status } from "nice-grpc";
import { join } from "node:path";
import { checkpointIdsOf, checkpointName, runIdOf, runIdProblem, runName } from "../../src/service/resource-names.js";

const ids = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/);

describe("names of resources", () => {
  it("hold the ids that they were made of", () => {
    fc.assert(
      fc.property(ids, ids, (run, checkpoint) => {
        expect(runIdProblem(run, "run_id")).to.equal(null);
        expect(runIdOf(runName(run))).to.equal(run);
        expect(checkpointIdsOf(checkpointName(run, checkpoint))).to.deep.equal({ run, checkpoint });
      }),
    );
  });

  for (const name of [
    "",
    "runs",
    "runs/",
    "runs/..",
    "runs/.",
    "runs/a/b",
    "runs/../../etc",
    "runs/.service",
    "runs/a/",
    "other/a",
    "/runs/a",
    "runs/a\0",
    `runs/${"a".repeat(101)}`,
  ]) {
    it(`refuse ${JSON.stringify(name.slice(0, 20))}`, () => {
      expect(() => runIdOf(name))
        .to.throw(ServerError, /name: /)
        .with.property("code", Status.INVALID_ARGUMENT);
    });
  }

  for (const name of ["runs/a", "runs/a/checkpoints/", "runs/a/checkpoints/..", "runs/a/checkpoints/b/c"]) {
    it(`refuse ${name} for a checkpoint`, () => {
      expect(() => checkpointIdsOf(name)).to.throw(ServerError);
    });
  }

  it("never lead out of a folder", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        if (runIdProblem(text, "run_id") === null) expect(join("/runs", text)).to.equal(`/runs/${text}`);
        if (text.includes("/")) expect(runIdProblem(text, "run_id")).not.to.equal(null);
      }),
    );
  });
});
