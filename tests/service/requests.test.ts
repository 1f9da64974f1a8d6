import { expect } from "chai";
import { randomUUID } from "node:crypto";
import { ServerError, Status } from "nice-grpc";
import { IdempotentRequests } from "../../src/service/idempotent-requests.js";

async function codeOf(work: Promise<unknown>): Promise<Status> {
  try {
    await work;
  } catch (error) {
    return (error as ServerError).code;
  }
  return Status.OK;
}

describe("requests with an id", () => {
  it("are carried out once, at the same time too", async () => {
    const requests = new IdempotentRequests();
    const id = randomUUID();
    let acts = 0;
    const act = () => Promise.resolve((acts += 1));
    const answers = await Promise.all([1, 2, 3].map(() => requests.once("a", id, { x: 1 }, act)));
    answers.push(await requests.once("a", id.toUpperCase(), { x: 1 }, act));
    expect(answers).to.deep.equal([1, 1, 1, 1]);
  });

  it("are each carried out without an id, and for each owner", async () => {
    const requests = new IdempotentRequests();
    let acts = 0;
    const act = () => Promise.resolve((acts += 1));
    const id = randomUUID();
    for (const [owner, given] of [
      ["a", ""],
      ["a", ""],
      ["a", id],
      ["b", id],
    ] as const) {
      await requests.once(owner, given, {}, act);
    }
    expect(acts).to.equal(4);
  });

  it("are carried out again after a failure", async () => {
    const requests = new IdempotentRequests();
    const id = randomUUID();
    expect(
      await codeOf(requests.once("a", id, {}, () => Promise.reject(new ServerError(Status.ABORTED, "")))),
    ).to.equal(Status.ABORTED);
    expect(await requests.once("a", id, {}, () => Promise.resolve("done"))).to.equal("done");
  });

  it("refuse another request's id, and what is no UUID", async () => {
    const requests = new IdempotentRequests();
    const id = randomUUID();
    const act = () => Promise.resolve(1);
    await requests.once("a", id, { x: 1 }, act);
    expect(await codeOf(requests.once("a", id, { x: 2 }, act))).to.equal(Status.INVALID_ARGUMENT);
    expect(await codeOf(requests.once("a", "seven", {}, act))).to.equal(Status.INVALID_ARGUMENT);
  });
});
