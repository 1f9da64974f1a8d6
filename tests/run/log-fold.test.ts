import { expect } from "chai";
import fc from "fast-check";
import { appendFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Decision, StepReport } from "../../src/generated/scpo/v1/trainer.js";
import type { LogEntry } from "../../src/run/log/entries.js";
import { readEqualPart } from "../fixtures/equal-runs.js";
import { type FoldedLog, trainingEnd } from "../../src/run/log/fold.js";
import { readEntries, readFolded, readWhole } from "../../src/run/log/read.js";
import { started, writeLog } from "../fixtures/run-log.js";

const begun: readonly LogEntry[] = [{ type: "claimed", processId: 1 }, started({ name: "nine" })];
const opened: LogEntry = {
  ...{ type: "stage-opened", stage: 0, name: "easy", steps: 9 },
  ...{ reference: "policy", reason: "", tableSeconds: 0.5 },
};
const saved = (step: number): LogEntry => ({ type: "training-saved", step, stage: 0, name: `step-${step}` });
const resumed = (step: number): LogEntry => ({ type: "resumed", step, stage: 0, reason: "it died" });
const trained = { type: "training-ended", outcome: "completed", reason: "", steps: 9, telemetry: null } as const;
const ended = (outcome: "paused" | "completed"): LogEntry => ({ ...trained, type: "ended", outcome });

function step(number: number, seconds = 0): LogEntry[] {
  const report = StepReport.fromPartial({ step: number, loss: number % 2 === 0 ? Number.NaN : 0.5, seconds });
  const moveReferenceAlpha = number % 4 === 0 ? { moveReferenceAlpha: 1 } : {};
  const decision = Decision.fromPartial({ step: number, reason: "all is well", ...moveReferenceAlpha });
  return [
    { type: "step", report },
    { type: "decision", decision, early: null },
    ...(number % 4 === 0 ? [{ type: "reference-moved", stage: 0, step: number, alpha: 1, reason: "" } as const] : []),
  ];
}

/** What a run of nine steps tells that is saved after every third, and dies after so many steps now and then. */
function livedThrough(deaths: readonly number[]): LogEntry[] {
  const entries = [...begun, opened];
  const left = [...deaths];
  let [done, last] = [0, 0];
  let until = left.shift();
  while (done < 9) {
    if (until !== undefined && until <= 0) {
      // By itself, or paused.
      if (left.length % 2 === 0) entries.push(ended("paused"));
      entries.push({ type: "claimed", processId: 2 }, resumed(last));
      if (last === 0) entries.push(opened);
      done = last;
      until = left.shift();
    }
    done += 1;
    if (until !== undefined) until -= 1;
    entries.push(...step(done, Math.random()));
    if (done % 3 === 0) {
      entries.push(saved(done));
      last = done;
    }
  }
  return entries;
}

const types = ({ entries }: FoldedLog) => entries.map(({ type }) => type);

describe("folded log", () => {
  let folder: string;
  let path: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "fold-"));
    path = join(folder, "log.jsonl");
  });

  afterEach(() => rm(folder, { recursive: true }));

  const written = async (entries: readonly LogEntry[]): Promise<FoldedLog> => {
    await rm(path, { force: true });
    await writeLog(folder, entries);
    return readFolded(path);
  };
  const streamed = async (): Promise<LogEntry[]> => {
    const entries: LogEntry[] = [];
    for await (const entry of readEntries(path)) entries.push(entry);
    return entries;
  };
  /** Replaces a line by other text, as a disk that rots or a hand that edits. */
  const damage = async (line: number, text: (before: string) => string): Promise<void> => {
    const lines = (await readFile(path, "utf8")).split("\n");
    lines[line - 1] = text(lines[line - 1] as string);
    await writeFile(path, lines.join("\n"));
  };
  const zeros = (before: string) => "\0".repeat(Buffer.byteLength(before));

  it("tells of a run that died the same as of one that did not, and its landmarks as much as all of it", async () => {
    const whole = await written(livedThrough([]));
    const part = await readEqualPart(path);
    const trainings = whole.saved.map(({ name, step: at, entries }) => [name, at, entries]);
    expect(types(whole)).to.deep.equal(["started", "stage-opened"]);
    expect(part.filter((entry) => "decision" in entry)).to.have.length(9);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat({ max: 8 }), { maxLength: 6 }), async (deaths) => {
        const folded = await written(livedThrough(deaths));
        expect(folded.entries).to.deep.equal(whole.entries);
        expect(folded.saved.map(({ name, step: at, entries }) => [name, at, entries])).to.deep.equal(trainings);
        expect(await readWhole(path)).to.deep.equal(folded);
        expect(await readEqualPart(path)).to.deep.equal(part);
      }),
      { numRuns: 40 },
    );
  });

  it("calls runs different when a loss, a reason or a move is another", async () => {
    await written(livedThrough([]));
    const part = await readEqualPart(path);
    for (const [from, to] of [
      ['"loss":0.5', '"loss":0.6'],
      ["all is well", "all is not"],
      ['"alpha":1', '"alpha":0.5'],
      ["float32", "bfloat16"],
    ] as const) {
      await written(livedThrough([]));
      await writeFile(path, (await readFile(path, "utf8")).replace(from, to));
      expect(await readEqualPart(path), to).not.to.deep.equal(part);
    }
  });

  it("goes back behind a saved training that was of no use", async () => {
    const { saved: left } = await written([...livedThrough([]), resumed(3)]);
    expect(left.map(({ name }) => name)).to.deep.equal(["", "step-3"]);
    const steps = (await streamed()).flatMap((entry) => (entry.type === "step" ? [entry.report] : []));
    expect(steps.map((report) => report.step)).to.deep.equal([1, 2, 3]);
    expect(steps[0]).to.deep.include({ loss: 0.5, pairs: [], terms: {} });
    expect(steps[1]?.loss).to.be.NaN;
  });

  it("keeps the micro-batch in force through later resumptions", async () => {
    const halved = { batchSize: 2, gradientAccumulationSteps: 4 };
    const entry = { type: "micro-batch-halved", step: 6, ...halved, reason: "out of memory" } as const;
    expect((await written([...livedThrough([]), resumed(6), entry, resumed(3)])).microBatch).to.deep.equal(halved);
  });

  it("goes on behind a training that has ended, and opens a phase once", async () => {
    const evaluation = { type: "phase-opened", phase: "evaluation" } as const;
    const scored = (benchmark: string): LogEntry => ({
      ...{ type: "evaluation-finished", stage: 0, benchmark, figures: { accuracy: 1 }, path: `/${benchmark}` },
    });
    const failed: LogEntry = { type: "failed", reason: "evaluation: no file", step: 9, pairs: [] };
    const begin = [...livedThrough([]), trained, evaluation, scored("pope")];
    const again: LogEntry[] = [{ type: "claimed", processId: 2 }, resumed(9), evaluation];
    const died = await written([...begin, failed]);
    expect(trainingEnd(died)).to.deep.equal(trained);
    expect(types(died).at(-1)).to.equal("failed");
    const rest = [scored("mme"), ended("completed")];
    const whole = await written([...begin, ...rest]);
    const part = await readEqualPart(path);
    const folded = await written([...begin, failed, ...again, ...rest]);
    expect(types(folded)).to.deep.equal([
      ...["started", "stage-opened", "training-ended", "phase-opened"],
      ...["evaluation-finished", "evaluation-finished", "ended"],
    ]);
    expect(folded.entries).to.deep.equal(whole.entries);
    expect(folded.saved.map(({ name }) => name)).to.deep.equal(["", "step-3", "step-6", "step-9"]);
    expect(await readEqualPart(path)).to.deep.equal(part);
  });

  it("drops a torn last line, and goes on behind what was whole", async () => {
    await written(begun);
    await appendFile(path, '{"sequence":9,"ti');
    expect(types(await readFolded(path))).to.deep.equal(["started"]);
    expect((await readWhole(path)).damage).to.equal(null);
    await writeLog(folder, [opened, ...step(1)]);
    expect(types(await readFolded(path))).to.deep.equal(["started", "stage-opened"]);
    expect((await streamed()).map(({ type }) => type)).to.deep.equal([
      ...["claimed", "started", "stage-opened", "step", "decision"],
    ]);
  });

  it("names a damaged line, goes back behind it, and then minds it no more", async () => {
    const entries = livedThrough([]);
    const at = entries.findIndex((entry) => entry.type === "step" && entry.report.step === 5) + 1;
    for (const [text, reason] of [
      [zeros, "not JSON"],
      [() => "null", "no entry of a run's log"],
      // The line that says so is the next.
      [() => "", "event 9 stands where 8 was expected"],
    ] as const) {
      await written(entries);
      await damage(at, text);
      const { damage: found, saved: left } = await readWhole(path);
      expect(found?.reason).to.match(new RegExp(`${reason}|event \\d+ stands where \\d+ was expected`));
      expect(found?.line).to.be.within(at, at + 1);
      expect(left.map(({ name }) => name)).to.deep.equal(["", "step-3"]);
      const error = await streamed().catch((caught: unknown) => caught);
      expect((error as Error).message).to.match(/log\.jsonl, line \d+: /);
      await writeLog(folder, [{ type: "claimed", processId: 2 }, resumed(3), ...step(4), ...step(5)]);
      expect(await readWhole(path)).to.deep.include({ damage: null });
      const steps = (await streamed()).flatMap((entry) => (entry.type === "step" ? [entry.report.step] : []));
      expect(steps).to.deep.equal([1, 2, 3, 4, 5]);
    }
  });

  it("reads all of it when a landmark is damaged, or lies elsewhere", async () => {
    const entries = livedThrough([]);
    const at = entries.findIndex((entry) => entry.type === "training-saved" && entry.step === 6) + 1;
    for (const text of [zeros, () => "\0"]) {
      await written(entries);
      await damage(at, text);
      const folded = await readFolded(path);
      expect(folded.saved.map(({ name }) => name)).to.deep.equal(["", "step-3"]);
      expect(folded.damage?.line).to.equal(at);
    }
    await written(entries);
    await damage(2, zeros);
    expect(types(await readFolded(path))).to.deep.equal([]);
    // A run whose beginning cannot be read begins once more.
    await writeLog(folder, [{ type: "claimed", processId: 2 }, ...livedThrough([]).slice(1)]);
    expect(await readFolded(path)).to.deep.include({ damage: null });
    expect((await streamed()).filter(({ type }) => type === "step")).to.have.length(9);
  });
});
