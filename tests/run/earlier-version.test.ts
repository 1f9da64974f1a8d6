import { expect } from "chai";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openRun, readRecordedRun, resumeRun } from "../../src/index.js";
import { UserError } from "../../src/errors.js";
import { readTraining } from "../../src/report/read-training.js";
import { requireNoRun } from "../../src/run/run-files.js";
import { RECORD_FILE, RunRecords } from "../../src/service/run-records.js";
import { scpoInProcess } from "../fixtures/scpo-in-process.js";

/** What version 0.2.0 left of a run of one step. */
const FILES = {
  "run.yaml": "id: old\ndata: { pairs: pairs.parquet }\n",
  "journal.jsonl":
    '{"type":"plan","plan":{"name":"old","stages":[]},"weightsSha256":""}\n' +
    '{"type":"ended","outcome":"completed","reason":"","steps":1}\n',
  "metrics.jsonl": '{"step":1,"stage":0,"loss":2.7,"pairs":[]}\n',
  "events.jsonl":
    '{"sequence":1,"time":"2026-01-01T00:00:00.000Z","held":0,"event":{"type":"claimed","processId":1}}\n',
  [RECORD_FILE]: JSON.stringify({ owner: "local", runId: "old", createTime: "2026-01-01T00:00:00.000Z" }),
};

describe("a run of an earlier version", () => {
  let runs: string;
  let old: string;

  beforeEach(async () => {
    runs = await mkdtemp(join(tmpdir(), "earlier-"));
    old = join(runs, "old");
    await mkdir(old);
    for (const [name, content] of Object.entries(FILES)) await writeFile(join(old, name), content);
  });

  afterEach(() => rm(runs, { recursive: true }));

  const refusal =
    /old: found journal\.jsonl and no log\.jsonl, a run of scpo 0\.2\.0 or earlier,.*: start a new run;.*$/;

  it("is refused in one line by all that read runs, and left as it is", async () => {
    const readers: Record<string, () => Promise<unknown>> = {
      resumeRun: () => resumeRun(old),
      openRun: async () => openRun(old),
      readRecordedRun: () => readRecordedRun(old),
      readTraining: () => readTraining(old, "scpo"),
    };
    for (const [name, read] of Object.entries(readers)) {
      const error = await read().catch((caught: unknown) => caught);
      expect(error, name).to.be.instanceOf(UserError).with.property("message").matches(refusal).and.not.contains("\n");
    }
    for (const command of ["status", "resume", "pause", "cancel"]) {
      expect(await scpoInProcess([command, old]), command).to.match(refusal);
    }
    expect((await readdir(old)).sort()).to.deep.equal(Object.keys(FILES).sort());
    expect(await readFile(join(old, "journal.jsonl"), "utf8")).to.equal(FILES["journal.jsonl"]);
  });

  it("hides no other run", async () => {
    expect(await scpoInProcess(["status", "--runs", runs])).to.equal(undefined);
    const log: string[] = [];
    const records = await RunRecords.open(runs, (line) => log.push(line));
    expect([...records.entries()]).to.deep.equal([]);
    expect(log).to.have.length(1);
    expect(log[0]).to.match(/or earlier, .*; it is not served$/);
  });

  it("is in the way of a new one, unless that replaces it", async () => {
    const error = await requireNoRun(old, false).catch((caught: unknown) => caught);
    expect(error).to.be.instanceOf(UserError).with.property("message").contains("another run");
    await requireNoRun(old, true);
    expect((await readdir(old)).sort()).to.deep.equal(["run.yaml", RECORD_FILE]);
  });
});
