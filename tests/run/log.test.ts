import { expect } from "chai";
import fc from "fast-check";
import { appendFile, mkdir, mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { RunEvent } from "../../src/run/log/entries.js";
import { followEvents, readEnd } from "../../src/run/log/read.js";
import { RunLog } from "../../src/run/log/run-log.js";
import { describeRun } from "../../src/run/read-run.js";

const table = (done: number): RunEvent => ({ type: "table", stage: 0, done, total: 99 });
const closed = (pairs: number): RunEvent => ({
  type: "stage-closed",
  stage: 0,
  steps: 1,
  unusedPairs: Array.from({ length: pairs }, (_, pair) => pair),
});

async function read(path: string, after = 0): Promise<number[]> {
  const sequences: number[] = [];
  for await (const { sequence } of followEvents(path, { after, ended: () => true })) sequences.push(sequence);
  return sequences;
}

describe("log", () => {
  let folder: string;
  let path: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "log-"));
    path = join(folder, "log.jsonl");
  });

  afterEach(() => rm(folder, { recursive: true }));

  it("counts on without gaps when it is opened again, behind a torn line too", async () => {
    for (const round of [0, 1, 2]) {
      const log = await RunLog.open(path);
      await log.write(table(round));
      await log.write(table(round));
      await log.close();
      await appendFile(path, '{"sequence":9');
    }
    expect(await read(path)).to.deep.equal([1, 2, 3, 4, 5, 6]);
    expect(await read(path, 4)).to.deep.equal([5, 6]);
  });

  it("is followed from before its beginning to its end, lines longer than a reader's piece among them", async () => {
    let ended = false;
    const followed = (async () => {
      const seen: number[] = [];
      for await (const { sequence, event } of followEvents(path, { ended: () => ended })) {
        seen.push(sequence);
        if (event.type === "stage-closed") expect(event).to.deep.equal(closed(50_000));
      }
      return seen;
    })();
    const log = await RunLog.open(path);
    for (let count = 1; count <= 500; count++) await log.write(count % 200 === 0 ? closed(50_000) : table(count));
    await log.close();
    ended = true;
    expect(await followed).to.deep.equal(Array.from({ length: 500 }, (_, index) => index + 1));
  });

  it("tells where it stands from its end: the lives' time, without that between them, and the last step", async () => {
    const from = Date.parse("2026-01-01T00:00:00Z");
    const kinds = ["claimed", "table", "step", "long"] as const;
    const made = fc.record({ kind: fc.constantFrom(...kinds), later: fc.integer({ min: 0, max: 5000 }) });
    await fc.assert(
      fc.asyncProperty(
        fc.array(made, { maxLength: 40 }),
        fc.constantFrom("", '{"sequence":9,"ti', "\n", "null\n"),
        async (events, torn) => {
          let [at, held] = [from, 0];
          let step: number | null = null;
          const lines = events.map(({ kind, later }, index) => {
            at += later;
            if (index > 0 && kind !== "claimed") held += later;
            if (kind === "step") step = index;
            const entry = {
              claimed: { type: "claimed", processId: 1 },
              table: table(index),
              step: { type: "step", report: { step: index, loss: null } },
              long: closed(20_000),
            }[kind];
            const line = { sequence: index + 1, time: new Date(at).toISOString(), held, landmark: null, entry };
            return `${JSON.stringify(line)}\n`;
          });
          await writeFile(path, lines.join("") + torn);
          const { last, report } = await readEnd(path);
          const stands = last && { sequence: last.sequence, at: Date.parse(last.time), held: last.held };
          expect(stands).to.deep.equal(events.length === 0 ? null : { sequence: events.length, at, held });
          expect(report?.step ?? null).to.equal(step);
          if (report !== null) expect(report.loss).to.be.NaN;
        },
      ),
      { numRuns: 60 },
    );
    await rm(path);
    expect((await readEnd(path)).last).to.equal(null);
  });

  it("counts the time on when it is opened again", async () => {
    const log = await RunLog.open(path);
    await log.write({ type: "claimed", processId: 1 });
    await sleep(15);
    await log.write(table(1));
    await log.close();
    const { held = 0, time } = (await readEnd(path)).last ?? {};
    const again = await RunLog.open(path);
    await sleep(15);
    await again.write({ type: "claimed", processId: 2 });
    expect((await readEnd(path)).last?.held).to.equal(held);
    await sleep(15);
    await again.write(table(2));
    await again.close();
    const end = (await readEnd(path)).last;
    expect(held).to.be.greaterThan(0);
    expect(end?.held)
      .to.be.greaterThan(held)
      .and.at.most(Date.parse(end?.time ?? "") - Date.parse(time ?? "") + held);
    const times: number[] = [];
    for await (const { time: at } of followEvents(path, { ended: () => true })) times.push(Date.parse(at));
    const [one, two, three, four] = times as [number, number, number, number];
    expect(end?.held).to.equal(two - one + four - three);
  });

  it("is described without reading what lies before its end", async () => {
    const directory = join(folder, "long");
    await mkdir(directory);
    // Sparse, and more than anything that reads it whole could hold.
    await writeFile(join(directory, "log.jsonl"), "");
    await truncate(join(directory, "log.jsonl"), 2 ** 36);
    const time = "2026-01-01T00:00:00.000Z";
    const entry = { type: "step", report: { step: 5, loss: 0.25 } };
    const line = { sequence: 7, time, held: 61_500, landmark: null, entry };
    await appendFile(join(directory, "log.jsonl"), `\n${JSON.stringify(line)}\n`);
    const described = await describeRun(directory);
    expect(described).to.deep.include({ lastSequence: 7, seconds: 61.5, metrics: { step: 5, loss: 0.25 } });
  });

  it("is given up when the reader's signal comes", async () => {
    const abort = new AbortController();
    const log = await RunLog.open(path);
    await log.write(table(1));
    for await (const { sequence } of followEvents(path, { ended: () => false, signal: abort.signal })) {
      expect(sequence).to.equal(1);
      setTimeout(() => abort.abort(), 20);
    }
    await log.close();
  });
});
