import { expect } from "chai";
import { appendFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UserError } from "../../src/errors.js";
import { type Decision, DecisionsFile, readDecisions } from "../../src/review/decisions-file.js";

function decision(id: string, parts: Partial<Decision> = {}): Decision {
  return { id, decision: "accept", at: "2026-01-01T00:00:00.000Z", fingerprint: "f", ...parts };
}

describe("decisions about pairs", () => {
  let folder: string;
  let path: string;
  before(async () => (folder = await mkdtemp(join(tmpdir(), "scpo-decisions-"))));
  beforeEach(async () => {
    path = join(folder, "pairs.decisions.jsonl");
    await rm(path, { force: true });
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it("are on the disk when they are taken, and the last about a pair counts", async () => {
    const file = await DecisionsFile.open(path);
    await file.add(decision("a"));
    expect((await readFile(path, "utf8")).trimEnd().split("\n")).to.have.length(1);
    await Promise.all([
      file.add(decision("b", { decision: "stage", stage: 2 })),
      file.add(decision("a", { decision: "reject" })),
      file.add(decision("c")),
      file.add(decision("c", { decision: "undecided" })),
    ]);
    const there = await readDecisions(path);
    expect([...there.values()].map(({ id, decision: made, stage }) => [id, made, stage])).to.deep.equal([
      ["b", "stage", 2],
      ["a", "reject", undefined],
    ]);
    expect([...file.decisions.keys()]).to.deep.equal(["b", "a"]);
    await file.close();
  });

  it("make no file before there is one, and mend a torn last line", async () => {
    const empty = await DecisionsFile.open(path);
    await empty.close();
    expect(await readDecisions(path)).to.deep.equal(new Map());
    await writeFile(path, `${JSON.stringify(decision("a"))}\n{"id":"b","deci`);
    const file = await DecisionsFile.open(path);
    expect([...file.decisions.keys()]).to.deep.equal(["a"]);
    await file.add(decision("c"));
    await file.close();
    expect([...(await readDecisions(path)).keys()]).to.deep.equal(["a", "c"]);
  });

  it("are refused when somebody else wrote the file meanwhile", async () => {
    const file = await DecisionsFile.open(path);
    await file.add(decision("a"));
    await appendFile(path, `${JSON.stringify(decision("b"))}\n`);
    const error = await file.add(decision("c")).catch((cause: unknown) => cause);
    expect(error).to.be.instanceOf(UserError);
    expect((error as Error).message).to.include("was written elsewhere");
    await file.close();
    expect([...(await readDecisions(path)).keys()]).to.deep.equal(["a", "b"]);
  });

  for (const [wrong, expected] of [
    ['{"id":1,"decision":"accept","at":"x","fingerprint":"f"}', "decision 2: id: "],
    ['{"id":"b","decision":"maybe","at":"x","fingerprint":"f"}', "decision 2: decision: "],
    ['{"id":"b","decision":"stage","at":"x","fingerprint":"f"}', "decision 2: stage goes with decision stage"],
    ['{"id":"b","decision":"accept","stage":1,"at":"x","fingerprint":"f"}', "decision 2: stage goes with"],
    ['{"id":"b","decision":"stage","stage":1.5,"at":"x","fingerprint":"f"}', "decision 2: stage: "],
    ["no JSON", "line 2: is no JSON"],
  ] as const) {
    it(`name a line that is none: ${wrong}`, async () => {
      const lines = [JSON.stringify(decision("a")), wrong, JSON.stringify(decision("c"))];
      await writeFile(path, `${lines.join("\n")}\n`);
      const error = await readDecisions(path).catch((cause: unknown) => cause);
      expect(error).to.be.instanceOf(UserError);
      expect((error as Error).message)
        .to.include(path)
        .and.include(expected)
        .and.not.include("\n");
    });
  }
});
