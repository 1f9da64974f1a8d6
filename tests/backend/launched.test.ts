import { expect } from "chai";
import type { Trainer } from "../../src/backend/trainer.js";
import { TrainerExitedError } from "../../src/backend/trainer.js";
import { UserError } from "../../src/errors.js";
import { direct } from "../../src/run/director.js";
import type { TinyWorld } from "../fixtures/tiny-run.js";
import { tinyWorld } from "../fixtures/tiny-run.js";

function lives(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch {
    return false;
  }
}

/** What the promise rejects with. */
function failure(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => expect.fail("expected a rejection"),
    (error: unknown) => error,
  );
}

describe("launched trainer", function () {
  this.timeout(180_000);
  let world: TinyWorld;
  let trainer: Trainer | undefined;

  before(async () => {
    world = await tinyWorld();
  });

  afterEach(async () => {
    await trainer?.stop();
    trainer = undefined;
  });

  it("of one process trains, minds no Ctrl-C of ours, and is named when it is killed", async () => {
    trainer = await world.open({ kind: "launched" });
    const { processId, processes } = trainer.description;
    expect(processes).to.equal(1);
    const summary = await direct(trainer, world.plan("launched"));
    expect(summary).to.include({ outcome: "completed", steps: 6 });
    process.kill(processId, "SIGKILL");
    const named = await failure(trainer.client.describe({}));
    expect(named).to.be.instanceOf(TrainerExitedError);
    expect((named as Error).message)
      .to.match(/killed by SIGKILL/)
      .and.to.contain("serving on unix://");
    expect(lives(processId)).to.equal(false);
  });

  it("that cannot start says why in one line", async () => {
    const error = await failure(world.open({ kind: "launched", python: "/no/python" }));
    expect(error).to.be.instanceOf(UserError).with.property("message").contains("/no/python");
  });
});
