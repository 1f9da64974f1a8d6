import { expect } from "chai";
import { join } from "node:path";
import type { Trainer } from "../../src/backend/trainer.js";
import type { CurriculumPlan, CurriculumState } from "../../src/curriculum/curriculum.js";
import { curriculumPolicy } from "../../src/curriculum/registry.js";
import { UserError } from "../../src/errors.js";
import { referencePolicy } from "../../src/reference/registry.js";
import type { RunDefinition } from "../../src/run/definition.js";
import { direct } from "../../src/run/direct.js";
import type { RunEvent } from "../../src/run/log/entries.js";
import { execute } from "../../src/run/execute.js";
import type { RunHandle } from "../../src/run/handle.js";
import type { RunPlan } from "../../src/run/plan.js";
import type { RunSummary } from "../../src/run/read-run.js";
import { readRecordedRun } from "../../src/simulate/recorded-run.js";
import { simulate } from "../../src/simulate/simulate.js";
import { entriesOf, reportsOf } from "../fixtures/run-log.js";
import type { TinyWorld } from "../fixtures/tiny-run.js";
import { tinyWorld } from "../fixtures/tiny-run.js";

/** Rows that may be drawn, the smallest margin first, and those without one behind. */
function ranked({ drawable, margins }: CurriculumState): number[] {
  return [...drawable].sort((a, b) => (margins.get(a) ?? 9) - (margins.get(b) ?? 9) || a - b);
}

describe("curricula over the stream", function () {
  this.timeout(120_000);
  let world: TinyWorld;
  let trainer: Trainer;

  before(async () => {
    world = await tinyWorld();
    trainer = await world.boot();
  });

  after(() => trainer.stop());

  /** The tiny plan with a curriculum's stages; every pair is as hard as its row. */
  function planned(name: string, curriculum: ReturnType<typeof curriculumPolicy>): [RunPlan, CurriculumPlan] {
    const pairs = Array.from({ length: 12 }, (_, pair) => ({ pair, difficulty: pair / 12, stage: null }));
    const made = curriculum(pairs, { effectiveBatch: 2, seed: 7 });
    const base = world.plan(name);
    const stages = made.stages.map(({ name: stage, pairs: rows, steps, heldOut }, index) => ({
      ...(base.stages[0] as RunPlan["stages"][number]),
      name: stage,
      pairs: rows,
      ...(steps === undefined ? {} : { steps }),
      ...(heldOut === undefined ? {} : { heldOut }),
      reference: index === 0 ? ("policy" as const) : ("keep" as const),
    }));
    return [{ ...base, stages }, made];
  }

  it("trains on the rows that the curriculum chooses from the margins, and replays from the metrics", async () => {
    const [plan, curriculum] = planned("chosen", curriculumPolicy({ policy: "self-paced", start: 0.3, stages: 2 }));
    const reference = referencePolicy({ policy: "every-n-steps", steps: 4 });
    const summary = await direct(trainer, plan, { policies: { curriculum, reference } });
    expect(summary).to.include({ outcome: "completed", steps: 6 });
    expect(summary.stages.map(({ steps, unusedPairs }) => [steps, unusedPairs])).to.deep.equal([
      [3, []],
      [3, []],
    ]);
    const reasons = (await entriesOf(plan.directory, "decision")).map(({ decision }) => decision.reason);
    expect(reasons[0]).to.match(/^curriculum: easiest \d+ of 12 pairs, [12] of them by the policy's margin$/);
    expect((await entriesOf(plan.directory, "stage-opened"))[0]).to.have.property(
      "reason",
      "curriculum: easiest 3 of 12 pairs, 0 of them by the policy's margin",
    );
    // The same policies on what the run left behind: the same rows, the same moves, for the same reasons.
    const recorded = await readRecordedRun(plan.directory);
    const simulated = simulate(recorded, { curriculum, reference });
    expect(simulated.steps.map(({ pairs }) => pairs)).to.deep.equal(
      recorded.reports.map(({ pairs }) => pairs.map(({ pair }) => pair)),
    );
    expect(simulated.decisions.filter(({ what }) => what === "reference moves").map(({ step }) => step)).to.deep.equal(
      summary.referenceMoves.map(({ step }) => step),
    );
    expect(summary.referenceMoves.map(({ step }) => step)).to.deep.equal([4]);
    const again = await direct(
      trainer,
      { ...plan, directory: `${plan.directory}-again` },
      { policies: { curriculum, reference } },
    );
    expect(again.checkpoints.map((saved) => saved.weightsSha256)).to.deep.equal(
      summary.checkpoints.map((saved) => saved.weightsSha256),
    );
  });

  it("promotes on the held-out pairs' accuracy, which the trainer measures without training on them", async () => {
    const promotion = { on: "held-out", every: 2, accuracy: 0.01, share: 0.34 } as const;
    const [plan, curriculum] = planned(
      "promoted",
      curriculumPolicy({ policy: "staged", stages: 2, epochs: 3, promotion }),
    );
    // Every pair's own margin is positive after it was trained on; of a pair that was not, one in four suffices.
    const summary = await direct(trainer, plan, { policies: { curriculum } });
    const reports = await reportsOf(plan.directory);
    const evaluated = reports.filter(({ heldOut }) => heldOut !== undefined);
    expect(evaluated[0]).to.include({ step: 2, stage: 0 });
    const figures = evaluated[0]?.heldOut;
    expect(figures?.pairs).to.equal(2);
    expect(Object.keys(figures?.accuracies ?? {})).to.have.members([
      "textual",
      "visual",
      "textual_mirror",
      "visual_mirror",
    ]);
    for (const [name, accuracy] of Object.entries(figures?.accuracies ?? {})) {
      expect([0, 0.5, 1]).to.include(accuracy);
      if (accuracy === 1) expect(figures?.margins[name]).to.be.greaterThan(0);
      if (accuracy === 0) expect(figures?.margins[name]).to.be.at.most(0);
    }
    // SCPO's loss is the sum of its four terms.
    const terms = Object.values(figures?.terms ?? {}).reduce((sum, term) => sum + term, 0);
    expect(figures?.loss).to.be.closeTo(terms, 1e-5);
    const held = new Set(plan.stages.flatMap(({ heldOut }) => heldOut ?? []));
    for (const { pair } of reports.flatMap(({ pairs }) => pairs)) expect(held.has(pair)).to.equal(false);
    const mean = Object.values(figures?.accuracies ?? {}).reduce((sum, accuracy) => sum + accuracy / 4, 0);
    expect(summary.stages[0]?.steps).to.equal(mean >= 0.01 ? 2 : 6);
    const [first] = await entriesOf(plan.directory, "decision");
    expect(first?.decision).to.include({ evaluateHeldOut: true, reason: "curriculum: held-out pairs every 2 steps" });
  });

  it("goes on after a pause with the rows and the figures that it would have had", async () => {
    // Two stages: the first is asked about its held-out pairs after step 2, between which and step 3 the run pauses.
    const [plan] = planned("whole", curriculumPolicy({ policy: "self-paced", epochs: 2, stages: 2 }));
    const own = { pairs: [0, 1, 2, 3, 4, 5, 6, 7], heldOut: [8, 9, 10, 11] };
    const stages = plan.stages.map((stage) => ({ ...stage, ...own, steps: 4 }));
    const curriculum: Pick<CurriculumPlan, "next" | "promote"> = {
      next: (state) => ({ pairs: ranked(state).slice(0, 2), reason: `after ${state.reports.length}` }),
      promote: ({ stepInStage }) => (stepInStage === 2 ? { evaluateHeldOut: true, reason: "now" } : null),
    };
    const run = (name: string): RunDefinition => ({
      id: name,
      directory: join(world.folder, "runs", name),
      plan: { ...plan, name: "same", directory: join(world.folder, "runs", name), stages },
      policies: { curriculum },
      backend: { kind: "embedded", threads: 1 },
      checkpoints: { everySteps: 0, keep: 2 },
      restarts: { limit: 0, firstDelaySeconds: 0, silenceMinutes: 30 },
    });
    const whole = await (await execute(run("whole"), { trainer })).result();
    expect(whole).to.include({ outcome: "completed", steps: 8 });
    const begun: RunHandle[] = [];
    const pauseAfter = (event: RunEvent) => {
      if (event.type === "step" && event.report.step === 2) void begun[0]?.pause();
    };
    begun.push(await execute(run("paused"), { trainer, onEvent: pauseAfter }));
    expect(await begun[0]?.result()).to.include({ outcome: "paused", steps: 2 });
    const resumed = await (await execute(run("paused"), { trainer, resume: true })).result();
    const weights = ({ checkpoints }: RunSummary) => checkpoints.map((saved) => saved.weightsSha256);
    expect(weights(resumed)).to.deep.equal(weights(whole));
    const read = async (name: string) => {
      const reports = await reportsOf(run(name).directory);
      return reports.map(({ pairs, heldOut }) => [pairs, heldOut && { ...heldOut, seconds: 0 }]);
    };
    expect(await read("paused")).to.deep.equal(await read("whole"));
  });

  it("takes a user's own function for a curriculum", async () => {
    const seen: number[][] = [];
    const own = planned("own", () => ({
      stages: [{ name: "worst", pairs: [0, 1, 2, 3, 4], padding: 0, steps: 3 }],
      next: (state) => {
        const worst = ranked(state).slice(0, 2);
        seen.push(worst);
        return { pairs: worst, reason: "the smallest margins" };
      },
    }));
    const summary = await direct(trainer, own[0], { policies: { curriculum: own[1] } });
    expect(summary.steps).to.equal(3);
    const reports = await reportsOf(own[0].directory);
    expect(reports.map(({ pairs }) => pairs.map(({ pair }) => pair))).to.deep.equal(seen);
  });

  it("ends with one line when a user's function chooses what it may not", async () => {
    const [plan] = planned("stray", curriculumPolicy({ policy: "self-paced" }));
    const curriculum = { next: () => ({ pairs: [0, 99], reason: "" }) };
    const error: unknown = await direct(trainer, plan, { policies: { curriculum } }).catch((thrown: unknown) => thrown);
    expect(error).to.be.instanceOf(UserError).with.property("message").that.includes("found row 99");
  });
});
