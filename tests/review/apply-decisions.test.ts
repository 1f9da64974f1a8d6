import { expect } from "chai";
import fc from "fast-check";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UserError } from "../../src/errors.js";
import { contentKey } from "../../src/pairs/content-key.js";
import { cellsOf, streamPairRows, writePairRows } from "../../src/pairs/pair-rows.js";
import { PAIR_COLUMNS, type PairRow } from "../../src/pairs/pair-row.js";
import { readTable, writeTable } from "../../src/pairs/table.js";
import { applyDecisions, type ApplyDecisionsRequest } from "../../src/review/apply-decisions.js";
import type { Decision } from "../../src/review/decisions-file.js";
import { plainPicture, reviewPairs } from "../fixtures/review-pairs.js";

async function all(path: string): Promise<PairRow[]> {
  const rows: PairRow[] = [];
  for await (const row of streamPairRows(path)) rows.push(row);
  return rows;
}

function about(row: PairRow, decision: Decision["decision"], stage?: number): Decision {
  const at = "2026-01-01T00:00:00.000Z";
  return { id: row.id, decision, ...(stage === undefined ? {} : { stage }), at, fingerprint: contentKey(row) };
}

describe("applying decisions", () => {
  let folder: string;
  let pairs: string;
  let out: string;
  let rows: PairRow[];
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "scpo-apply-"));
    pairs = join(folder, "pairs.parquet");
    out = join(folder, "out.parquet");
    rows = await reviewPairs(24);
    await writePairRows(pairs, rows);
  });
  after(() => rm(folder, { recursive: true, force: true }));

  const decide = (decisions: readonly Decision[]): Promise<void> =>
    writeFile(`${pairs}.decisions.jsonl`, decisions.map((line) => `${JSON.stringify(line)}\n`).join(""));
  const refused = async (parts: Partial<ApplyDecisionsRequest> = {}): Promise<string> => {
    const error = await applyDecisions({ pairs, out, ...parts }).catch((cause: unknown) => cause);
    expect(error).to.be.instanceOf(UserError);
    expect((error as Error).message).to.not.include("\n");
    return (error as Error).message;
  };

  it("keeps, drops and re-grades what was decided, and nothing else", async () => {
    const choice = fc.record({
      verdict: fc.constantFrom("accept", "reject", "stage", "undecided", null),
      stage: fc.constantFrom(0, 1, 2),
    });
    const choices = fc.array(choice, { minLength: rows.length, maxLength: rows.length });
    await fc.assert(
      fc.asyncProperty(choices, fc.boolean(), async (made, onlyAccepted) => {
        // One that stays, so that the file is not empty.
        const verdicts = made.map(
          ({ verdict, stage }, at) => ({ verdict: at === 0 ? "accept" : verdict, stage }) as const,
        );
        await decide(
          verdicts.flatMap(({ verdict, stage }, at) =>
            verdict === null ? [] : [about(rows[at] as PairRow, verdict, verdict === "stage" ? stage : undefined)],
          ),
        );
        const expected = rows.flatMap((row, at) => {
          const { verdict, stage } = verdicts[at] as (typeof verdicts)[number];
          if (verdict === "reject" || (onlyAccepted && (verdict === null || verdict === "undecided"))) return [];
          return verdict === "stage" ? { ...row, stage } : row;
        });
        const applied = await applyDecisions({ pairs, out, onlyAccepted });
        expect(await all(out)).to.deep.equal(expected);
        const { read, written, rejected, undecidedLeftOut, accepted, regraded, stale } = applied;
        expect([read, written, stale]).to.deep.equal([rows.length, expected.length, 0]);
        expect(written + rejected + undecidedLeftOut).to.equal(read);
        const count = (wanted: string): number => verdicts.filter(({ verdict }) => verdict === wanted).length;
        expect([accepted, regraded, rejected]).to.deep.equal([count("accept"), count("stage"), count("reject")]);
      }),
      { numRuns: 15 },
    );
  });

  it("gives the same file again, also after an interruption, and leaves no part of one", async () => {
    await decide([about(rows[3] as PairRow, "reject")]);
    await applyDecisions({ pairs, out });
    const first = await readFile(out);
    const stop = new AbortController();
    const other = join(folder, "other.parquet");
    const onProgress = (read: number): void => {
      if (read === 10) stop.abort(new Error("stopped"));
    };
    const error = await applyDecisions({ pairs, out: other, signal: stop.signal, onProgress }).catch(
      (cause: unknown) => cause,
    );
    expect((error as Error).message).to.equal("stopped");
    expect((await readdir(folder)).filter((name) => name.startsWith("other"))).to.deep.equal([]);
    await applyDecisions({ pairs, out: other });
    expect((await readFile(other)).equals(first)).to.equal(true);
  });

  it("keeps columns of the user's own, and pairs without ids go by their row", async () => {
    const own = join(folder, "own.parquet");
    const columns = [...PAIR_COLUMNS.filter(({ name }) => name !== "id"), { name: "mine", kind: "double" as const }];
    await writeTable(
      own,
      columns,
      rows.map((row, at) => ({ ...cellsOf(row), mine: at / 2 })),
    );
    const decisions = join(folder, "mine.jsonl");
    await writeFile(decisions, `${JSON.stringify({ ...about(rows[5] as PairRow, "reject"), id: "row-5" })}\n`);
    await applyDecisions({ pairs: own, out, decisions });
    const written = await readTable(out, [{ name: "mine", kind: "double" }]);
    expect(written.map(({ mine }) => mine)).to.deep.equal(rows.flatMap((_, at) => (at === 5 ? [] : at / 2)));
  });

  it("refuses what was decided about a pair that is gone or has changed", async () => {
    const [first, second, third] = rows as [PairRow, PairRow, PairRow];
    await decide([about(first, "accept"), { ...about(second, "reject"), id: "gone" }]);
    expect(await refused())
      .to.include('decides about "gone"')
      .and.include("--ignore-stale");
    await decide([about({ ...second, chosen: "Another text." }, "reject")]);
    expect(await refused())
      .to.include('pair "pair-1" (row 1)')
      .and.include("--ignore-stale");
    await decide([about({ ...third, images: [await plainPicture(77)] }, "reject")]);
    expect(await refused()).to.include('pair "pair-2" (row 2)');
    const kept = await applyDecisions({ pairs, out, ignoreStale: true });
    expect([kept.written, kept.rejected, kept.stale]).to.deep.equal([rows.length, 0, 1]);
    // Another grade is no other pair.
    await decide([about({ ...third, stage: 0, difficulty: 0.9, signals: {} }, "reject")]);
    expect((await applyDecisions({ pairs, out })).rejected).to.equal(1);
  });

  it("says in one line what else is wrong", async () => {
    await decide([]);
    expect(await refused()).to.include("holds no decision");
    await decide(rows.map((row) => about(row, "reject")));
    expect(await refused()).to.include("no pair of 24 would be left");
    expect(await refused({ out: join(folder, ".", "pairs.parquet") })).to.include("is the file that is read");
    expect(await refused({ pairs: join(folder, "absent.parquet") })).to.include("cannot open");
    const twice = join(folder, "twice.parquet");
    await writePairRows(twice, [rows[0] as PairRow, { ...(rows[1] as PairRow), id: "pair-0" }]);
    const decisions = join(folder, "twice.jsonl");
    await writeFile(decisions, `${JSON.stringify(about(rows[0] as PairRow, "reject"))}\n`);
    expect(await refused({ pairs: twice, decisions })).to.include('id "pair-0" stands twice');
  });
});
