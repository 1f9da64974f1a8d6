import { expect } from "chai";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, renameSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { stringify } from "yaml";
import { readEvalResult } from "../../src/evaluation/eval-result.js";
import {
  connectRuns,
  openRun,
  resumeRun,
  RunFailedError,
  type RunHandle,
  type RunEvent,
  type RunSettings,
  type RunServiceConnection,
  serve,
  SettingsError,
  type ServingRuns,
  startRun,
  type StartRunOptions,
} from "../../src/index.js";
import { RunPhase, RunState } from "../../src/generated/scpo/v1/run.js";
import { PACKAGE_ROOT } from "../../src/package-root.js";
import { writeEvaluationScenes } from "../../src/scenes/world-files.js";
import { drawPope } from "../fixtures/drawn-pope.js";
import { eventsOf } from "../fixtures/service.js";
import type { TinyWorld } from "../fixtures/tiny-run.js";
import { tinyWorld } from "../fixtures/tiny-run.js";

const SCENES = 60;

/** Resumes the run in argument 1 and kills its own process at the first answers after sequence argument 2. */
const DIES_AT_ANSWERS = `
  import { resumeRun } from ${JSON.stringify(pathToFileURL(join(PACKAGE_ROOT, "src", "index.ts")).href)};
  const run = await resumeRun(process.argv[1]);
  for await (const { event } of run.events({ after: Number(process.argv[2]) })) {
    if (event.type === "evaluation-progress" && event.what === "answers") process.kill(process.pid, "SIGKILL");
  }
`;

async function failure(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    () => expect.fail("expected a rejection"),
    (error: unknown) => error as Error,
  );
}

describe("evaluation of a run", function () {
  this.timeout(240_000);
  let world: TinyWorld;
  let folder: string;
  let pope: string;
  let questions: number;
  let service: ServingRuns | undefined;
  let connection: RunServiceConnection | undefined;

  before(async () => {
    world = await tinyWorld();
    // In the world's folder, which is the service's data root.
    folder = await mkdtemp(join(world.folder, "evaluation-"));
    pope = join(folder, "pope");
    questions = await drawPope(pope, SCENES);
  });
  afterEach(async () => {
    if (existsSync(join(folder, "away"))) back();
    connection?.close();
    await service?.drain();
    [service, connection] = [undefined, undefined];
  });
  after(() => rm(folder, { recursive: true, force: true }));

  const away = () => renameSync(join(pope, "coco_pope_random.json"), join(folder, "away"));
  const back = () => renameSync(join(folder, "away"), join(pope, "coco_pope_random.json"));
  const settings = (changes: Partial<RunSettings["evaluation"]> = {}, epochs = 1): RunSettings => ({
    model: world.model,
    data: { pairs: world.pairs.path },
    training: {
      learning_rate: 1e-2,
      lr_scheduler_type: "cosine",
      warmup_steps: 0.1,
      per_device_train_batch_size: 1,
      gradient_accumulation_steps: 2,
      seed: 1,
    },
    curriculum: { policy: "staged", stages: 3, epochs },
    backend: { kind: "embedded", threads: 1 },
    reporting: { telemetry: false },
    evaluation: {
      benchmarks: [
        { benchmark: "pope", annotations: pope, images: join(pope, "images"), batch_size: 1, max_new_tokens: 3 },
      ],
      ...changes,
    },
  });
  const begin = (id: string, given = settings(), options: StartRunOptions = {}) =>
    startRun(given, { runs: join(folder, "runs"), id, ...options });
  const steps = (events: readonly RunEvent[]) => events.filter(({ type }) => type === "step").length;
  async function told(run: RunHandle, after = 0): Promise<RunEvent[]> {
    const events: RunEvent[] = [];
    for await (const { event } of run.events({ after })) events.push(event);
    return events;
  }
  const answers = (id: string) =>
    readFile(join(folder, "runs", id, "evaluation", "pope-stage-2-answers.jsonl"), "utf8");

  it("tells its figures in the events and wherever the run is looked at, and is not made twice", async () => {
    const scenes = join(folder, "scenes.parquet");
    await writeEvaluationScenes(scenes, { split: "validation", count: 2 });
    const run = await begin("whole", settings({ scenes }));
    const events = await told(run);
    const since = events.findIndex(({ type }) => type === "training-ended");
    const ends = events.slice(since).filter(({ type }) => type !== "evaluation-progress");
    expect(ends.map((event) => ("benchmark" in event ? `${event.type} ${event.benchmark}` : event.type))).to.deep.equal(
      [
        "training-ended",
        "phase-opened",
        "evaluation-started scenes",
        "evaluation-finished scenes",
        "evaluation-started pope",
        "evaluation-finished pope",
        "phase-opened",
        "page-written",
        "ended",
      ],
    );
    const progress = events.findLast((event) => event.type === "evaluation-progress");
    expect(progress).to.deep.include({ benchmark: "pope", what: "answers", done: questions, total: questions });
    const { metrics } = await readEvalResult(join(run.directory, "evaluation", "pope-stage-2.json"));
    expect(metrics).to.have.property("accuracy").that.is.a("number");
    const found = events.findLast((event) => event.type === "evaluation-finished");
    expect(found).to.deep.include({ stage: 2, benchmark: "pope", figures: metrics });
    const summary = await run.result();
    expect(summary.evaluations.map(({ benchmark }) => benchmark)).to.deep.equal(["scenes", "pope"]);
    expect(summary.evaluations[1]).to.deep.equal({ stage: 2, benchmark: "pope", figures: metrics });
    const description = await (await openRun(run.directory)).describe();
    expect(description).to.deep.include({ status: "SUCCEEDED", phase: "page", evaluations: summary.evaluations });

    const page = await readFile(join(run.directory, "report.html"), "utf8");
    expect(page).to.include("<th>pope after hard</th><td>accuracy</td>");
    const again = await resumeRun(run.directory);
    expect(await again.result()).to.deep.equal(summary);
    expect((await again.describe()).lastSequence).to.equal(description.lastSequence);
    // What was removed is made again, and nothing else.
    await rm(join(run.directory, "report.html"));
    const { lastSequence } = description;
    const mended = await resumeRun(run.directory);
    await mended.result();
    const made = (await told(mended, lastSequence)).map(({ type }) => type);
    expect(made).to.deep.equal(["claimed", "resumed", "phase-opened", "page-written", "ended"]);
  });

  it("is refused before a step is trained when its files are missing, with the field and its place", async () => {
    const empty = join(folder, "empty");
    await mkdir(empty, { recursive: true });
    const wrong = settings({ benchmarks: [{ benchmark: "pope", annotations: empty, images: join(pope, "images") }] });
    const error = await failure(begin("refused", wrong));
    expect(error).to.be.instanceOf(SettingsError);
    expect(error.message).to.match(
      /evaluation\.benchmarks\[0\]\.annotations: .*coco_pope_random\.json: no such file; expected/,
    );
    expect(existsSync(join(folder, "runs", "refused"))).to.equal(false);

    const path = join(folder, "refused.yaml");
    await writeFile(path, stringify(wrong));
    const cli = [
      join(PACKAGE_ROOT, "src", "cli", "main.ts"),
      "train",
      path,
      "--dry-run",
      "--runs",
      join(folder, "runs"),
    ];
    const child = spawn(process.execPath, ["--import=tsx", ...cli], {
      cwd: PACKAGE_ROOT,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let errors = "";
    child.stderr.on("data", (piece: Buffer) => (errors += piece.toString()));
    const [code] = (await once(child, "close")) as [number | null];
    expect(code, errors).to.equal(1);
    const line =
      stringify(wrong)
        .split("\n")
        .findIndex((text) => text.includes("annotations:")) + 1;
    expect(errors).to.include(`${path}:${line}:`).and.to.include("evaluation.benchmarks[0].annotations: ");
    expect(errors.trim().split("\n")).to.have.length(1);
  });

  it("names the field of images, samples and scenes that are not as they must be", async () => {
    const [benchmark] = settings().evaluation?.benchmarks ?? [];
    const given = { ...(benchmark as NonNullable<typeof benchmark>), images: folder };
    const scenes = world.pairs.path;
    const error = await failure(begin("wrong", settings({ scenes, benchmarks: [given, given] })));
    expect((error as SettingsError).problems.map(({ field }) => field)).to.have.members([
      "evaluation.scenes",
      "evaluation.benchmarks[0].images",
      "evaluation.benchmarks[1].benchmark",
    ]);
    const sampled = await failure(
      begin("wrong", settings({ benchmarks: [{ ...given, images: join(pope, "images"), sample: 99 }] })),
    );
    expect(sampled.message).to.match(/evaluation\.benchmarks\[0\]\.sample: found 99, expected at most/);
  });

  it("fails when its files vanish meanwhile, keeps the model, and is finished once they are back", async () => {
    const decide = ({ step }: { step: number }) => {
      if (step === 3) away();
      return null;
    };
    const run = await begin("vanished", settings(), { policies: { decide } });
    const error = await failure(run.result());
    expect(error).to.be.instanceOf(RunFailedError);
    expect(error.message).to.match(/^evaluation: .*coco_pope_random\.json: no such file/);
    const failed = await run.describe();
    expect(failed).to.include({ status: "FAILED", phase: "evaluation", reason: error.message, step: 6 });
    expect(failed.checkpoints.map(({ name }) => name)).to.deep.equal(["stage-0", "stage-1", "stage-2"]);
    expect((await told(run)).at(-1)).to.deep.include({ type: "failed", reason: error.message });
    expect(await failure(resumeRun(run.directory))).to.be.instanceOf(SettingsError);
    back();
    const resumed = await resumeRun(run.directory);
    const summary = await resumed.result();
    expect(summary).to.include({ outcome: "completed", steps: 6 });
    expect(summary.checkpoints).to.deep.equal(failed.checkpoints);
    expect(summary.evaluations.map(({ benchmark }) => benchmark)).to.deep.equal(["pope"]);
    expect(steps(await told(resumed, failed.lastSequence))).to.equal(0);
    expect(await resumed.describe()).to.include({ status: "SUCCEEDED", phase: "page", resumableStep: 6 });
    expect(await answers("vanished")).to.equal(await answers("whole"));
  });

  it("is paused, cancelled and killed in its midst, and goes on", async () => {
    const run = await begin("stopped");
    const asked = async (handle: RunHandle, after: number) => {
      for await (const { event } of handle.events({ after })) {
        if (event.type === "evaluation-progress" && event.what === "answers") return;
      }
      expect.fail("the evaluation ended too early");
    };
    await asked(run, 0);
    expect(await run.describe()).to.include({ status: "RUNNING", phase: "evaluation" });
    await run.pause();
    const paused = await run.describe();
    expect(paused).to.include({ status: "PAUSED", phase: "evaluation", step: 6 });
    expect(await run.result()).to.include({ outcome: "paused", steps: 6 });

    // A process that dies at its first answers: from outside, a quick evaluation could end before the signal came.
    const child = spawn(
      process.execPath,
      ["--import=tsx", "--input-type=module", "-e", DIES_AT_ANSWERS, run.directory, String(paused.lastSequence)],
      { cwd: PACKAGE_ROOT, stdio: "ignore" },
    );
    expect(await once(child, "exit")).to.deep.equal([null, "SIGKILL"]);
    const other = await openRun(run.directory);
    const killed = await other.describe();
    expect(killed).to.include({ status: "INTERRUPTED", phase: "evaluation", step: 6 });

    const again = await resumeRun(run.directory);
    await asked(again, killed.lastSequence);
    await again.cancel("seen enough");
    const cancelled = await again.describe();
    expect(cancelled).to.include({ status: "CANCELLED", phase: "evaluation", reason: "seen enough", step: 6 });

    const last = await resumeRun(run.directory);
    const summary = await last.result();
    expect(summary).to.include({ outcome: "completed", steps: 6 });
    expect(summary.evaluations).to.have.length(1);
    expect(steps(await told(last, paused.lastSequence))).to.equal(0);
    // As if nothing had come between.
    expect(await answers("stopped")).to.equal(await answers("whole"));
  });

  it("is the same through the service: refused at once, failed with a reason, finished once the files are back", async () => {
    service = await serve({
      runs: await mkdtemp(join(tmpdir(), "scpo-evaluation-runs-")),
      data: [world.folder],
      listen: "127.0.0.1:0",
      backend: { kind: "launched", threads: 1 },
    });
    connection = connectRuns(service.address);
    const { runs } = connection;
    const { backend, ...given } = settings({}, 20);
    expect(backend).to.have.property("kind");
    const annotations = join(folder, "empty");
    await mkdir(annotations, { recursive: true });
    const wrong = {
      ...given,
      evaluation: { benchmarks: [{ benchmark: "pope", annotations, images: join(pope, "images") }] },
    };
    const refused = await failure(runs.createRun({ settings: wrong, runId: "wrong", validateOnly: true }));
    expect(refused.message).to.match(/settings\.evaluation\.benchmarks\[0\]\.annotations: .*no such file/);

    await runs.createRun({ settings: given, runId: "first" });
    for await (const { event } of runs.watchRun({ name: "runs/first" })) if (event?.event?.$case === "step") break;
    away();
    const events = await eventsOf(runs.watchRun({ name: "runs/first" }));
    const end = events.at(-1)?.event;
    expect(end?.$case === "failed" ? end.value.reason : end).to.match(/^evaluation: .*no such file/);
    const { run: failed } = await runs.getRun({ name: "runs/first" });
    expect(failed).to.include({ state: RunState.FAILED, phase: RunPhase.EVALUATION });
    expect(failed?.reason).to.match(/^evaluation: /);
    expect((await runs.listCheckpoints({ parent: "runs/first" })).checkpoints).to.have.length(3);
    back();
    await runs.resumeRun({ name: "runs/first" });
    const rest = await eventsOf(runs.watchRun({ name: "runs/first", afterSequence: failed?.lastSequence ?? 0 }));
    expect(rest.filter(({ event }) => event?.$case === "step")).to.deep.equal([]);
    const scored = rest.flatMap(({ event }) => (event?.$case === "evaluationFinished" ? [event.value.evaluation] : []));
    expect(scored[0]).to.deep.include({ stage: 2, benchmark: "pope" });
    expect(scored[0]?.figures["accuracy"]).to.be.within(0, 100);
    const { run: succeeded } = await runs.getRun({ name: "runs/first" });
    expect(succeeded).to.include({ state: RunState.SUCCEEDED });
    expect(succeeded?.evaluations).to.deep.equal(scored);
  });
});
