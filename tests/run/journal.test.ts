import { expect } from "chai";
import fc from "fast-check";
import { appendFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { JournalEntry, JournalLine } from "../../src/run/journal.js";
import { foldJournal, openJournal, readJournal, readJournalLines, trainingEnd } from "../../src/run/journal.js";
import type { RecordedPlan } from "../../src/run/plan.js";

const begun: JournalLine[] = [
  { type: "plan", plan: {} as RecordedPlan, weightsSha256: "" },
  { type: "stage-opened", stage: 0, name: "easy", steps: 9, reference: "policy", reason: "" },
];

function decision(step: number): JournalLine {
  const still = {
    reason: "",
    moveReferenceAlpha: null,
    checkpoint: "",
    evaluateHeldOut: false,
    endStage: false,
    stop: false,
  };
  return { type: "decision", step, stage: 0, loss: 0, ...still };
}

const saved = (step: number): JournalLine => ({ type: "training-saved", step, stage: 0, name: `step-${step}` });

/** The lines of a run of nine steps, saved after every third, that dies now and then. */
function livedThrough(deaths: readonly number[]): JournalLine[] {
  const lines = [...begun];
  const left = [...deaths];
  let step = 0;
  let last = 0;
  let until = left.shift();
  while (step < 9) {
    if (until !== undefined && until <= 0) {
      lines.push({ type: "resumed", step: last });
      if (last === 0) lines.push(begun[1] as JournalLine);
      step = last;
      until = left.shift();
    }
    step += 1;
    if (until !== undefined) until -= 1;
    lines.push(decision(step));
    if (step % 3 === 0) {
      lines.push(saved(step));
      last = step;
    }
  }
  return lines;
}

describe("journal", () => {
  it("tells of a run that died the same as of one that did not", () => {
    const whole = foldJournal(livedThrough([]));
    expect(whole.entries).to.have.length(11);
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 8 }), { maxLength: 6 }), (deaths) => {
        expect(foldJournal(livedThrough(deaths))).to.deep.equal(whole);
      }),
    );
  });

  it("goes back behind a saved training that was of no use", () => {
    const lines = [...livedThrough([]), { type: "resumed", step: 3 } as const];
    const { entries, saved: left } = foldJournal(lines);
    expect(entries).to.have.length(5);
    expect(left).to.deep.equal([{ name: "step-3", step: 3, entries: 5 }]);
  });

  it("keeps the micro-batch in force through later resumptions", () => {
    const halved = { batchSize: 2, gradientAccumulationSteps: 4 };
    const lines: JournalLine[] = [
      ...livedThrough([]),
      { type: "resumed", step: 6 },
      { type: "micro-batch", step: 6, ...halved, reason: "out of memory" },
      { type: "resumed", step: 3 },
    ];
    expect(foldJournal(lines).microBatch).to.deep.equal(halved);
  });

  it("goes on behind a training that has ended, also one that an earlier version wrote", () => {
    const trained = { outcome: "completed", reason: "", steps: 9 } as const;
    const failed: JournalLine = { type: "failed", reason: "evaluation: no file", step: 9, pairs: [] };
    const [old, now]: [JournalLine[], JournalLine[]] = [
      [...livedThrough([]), { type: "ended", ...trained }],
      [...livedThrough([]), { type: "training-ended", ...trained }, failed],
    ];
    for (const lines of [old, now]) {
      expect(trainingEnd(foldJournal(lines))).to.deep.equal({ type: "training-ended", ...trained });
      const { entries, saved: left } = foldJournal([...lines, { type: "reopened" }]);
      expect(entries.at(-1)).to.deep.equal({ type: "training-ended", ...trained });
      expect(entries).to.have.length(12);
      expect(left).to.deep.equal(foldJournal(livedThrough([])).saved);
    }
    expect(trainingEnd(foldJournal([...old.slice(0, -1), { type: "ended", ...trained, outcome: "paused" }]))).to.equal(
      null,
    );
  });

  describe("on the disk", () => {
    let folder: string;
    let path: string;

    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), "journal-"));
      path = join(folder, "journal.jsonl");
    });

    afterEach(() => rm(folder, { recursive: true }));

    it("drops a torn last line, and goes on behind what was whole", async () => {
      const first = await openJournal(path);
      for (const line of begun) await first.write(line);
      await first.close();
      await appendFile(path, '{"type":"decis');
      expect(await readJournalLines(path)).to.deep.equal({ lines: begun, damagedLine: null });
      const second = await openJournal(path);
      await second.write(decision(1));
      await second.close();
      expect(await readJournal(path)).to.deep.equal([...begun, decision(1)] as JournalEntry[]);
    });

    it("gives what stands before a damaged line, and its number", async () => {
      const writer = await openJournal(path);
      for (const line of livedThrough([])) await writer.write(line);
      await writer.close();
      const lines = (await readFile(path, "utf8")).split("\n");
      lines[3] = "\0\0\0";
      await writeFile(path, lines.join("\n"));
      expect(await readJournalLines(path)).to.deep.equal({ lines: livedThrough([]).slice(0, 3), damagedLine: 4 });
      expect(await readJournal(path).catch((error: unknown) => error)).to.have.property("line", 4);
    });
  });
});
