import { expect } from "chai";
import fc from "fast-check";
import { ServerError, Status } from "nice-grpc";
import { checkpointIdsOf, checkpointName, runIdOf, runIdProblem, runName } from "../../src/service/resource-names.js";

const runIds = fc.stringMatching(/^[a-z]([a-z0-9-]{0,20}[a-z0-9])?$/);
const checkpointIds = fc.stringMatching(/^[a-z0-9]([a-z0-9.-]{0,20}[a-z0-9])?$/);

describe("names of resources", () => {
  it("hold the ids that they were made of", () => {
    fc.assert(
      fc.property(runIds, checkpointIds, (run, checkpoint) => {
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
    "runs/A",
    "runs/a/",
    "other/a",
    "/runs/a",
    "runs/a\0",
    `runs/${"a".repeat(64)}`,
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
        if (runIdProblem(text, "run_id") === null) expect(text).to.match(/^[a-z0-9-]+$/);
      }),
    );
  });
});
