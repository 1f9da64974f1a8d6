import { expect } from "chai";
import { appendFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EventLog, followEvents } from "../../src/run/event-log.js";
import type { RunEvent } from "../../src/run/events.js";

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

describe("event log", () => {
  let folder: string;
  let path: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "events-"));
    path = join(folder, "events.jsonl");
  });

  afterEach(() => rm(folder, { recursive: true }));

  it("counts on without gaps when it is opened again, behind a torn line too", async () => {
    for (const round of [0, 1, 2]) {
      const log = await EventLog.open(path);
      await log.append(table(round));
      await log.append(table(round));
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
    const log = await EventLog.open(path);
    for (let count = 1; count <= 500; count++) await log.append(count % 200 === 0 ? closed(50_000) : table(count));
    await log.close();
    ended = true;
    expect(await followed).to.deep.equal(Array.from({ length: 500 }, (_, index) => index + 1));
  });

  it("is given up when the reader's signal comes", async () => {
    const abort = new AbortController();
    const log = await EventLog.open(path);
    await log.append(table(1));
    for await (const { sequence } of followEvents(path, { ended: () => false, signal: abort.signal })) {
      expect(sequence).to.equal(1);
      setTimeout(() => abort.abort(), 20);
    }
    await log.close();
  });
});
