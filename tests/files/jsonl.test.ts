import { expect } from "chai";
import fc from "fast-check";
import { appendFile, mkdtemp, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { JsonlWriter, linesFromEnd, readAllJsonl, truncateAfter } from "../../src/files/jsonl.js";

describe("JSON lines", () => {
  let folder: string;
  let path: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "scpo-tests-"));
    path = join(folder, "lines.jsonl");
  });

  afterEach(() => rm(folder, { recursive: true }));

  it("come back in the order of the calls, awaited or not", async () => {
    const writer = await JsonlWriter.open(path, { sync: true });
    const values = Array.from({ length: 50 }, (_, n) => ({ n, text: "ü\n" }));
    await Promise.all(values.map((value) => writer.append(value)));
    await writer.close();
    expect(await readAllJsonl(path)).to.deep.equal(values);
  });

  it("lose a torn last line when read, and when written on", async () => {
    await writeFile(path, '{"n":1}\n{"n":2}\n{"n":');
    expect(await readAllJsonl(path)).to.deep.equal([{ n: 1 }, { n: 2 }]);
    const writer = await JsonlWriter.open(path);
    await writer.append({ n: 3 });
    await writer.close();
    expect(await readFile(path, "utf8")).to.equal('{"n":1}\n{"n":2}\n{"n":3}\n');
  });

  it("keep a last line that lacks only its end", async () => {
    await writeFile(path, '{"n":1}\n{"n":2}');
    const writer = await JsonlWriter.open(path);
    await writer.append({ n: 3 });
    await writer.close();
    expect(await readFile(path, "utf8")).to.equal('{"n":1}\n{"n":2}\n{"n":3}\n');
  });

  it("lose a line of zeros, as a power cut leaves it, when written on", async () => {
    for (const [left, kept] of [
      ["\0\0\0", ""],
      ['{"n":1}\n\0\0\0', '{"n":1}\n'],
      ['{"n":1}\n\0\0:2}\n{"n"', '{"n":1}\n'],
    ] as const) {
      await writeFile(path, left);
      await (await JsonlWriter.open(path)).close();
      expect(await readFile(path, "utf8")).to.equal(kept);
    }
  });

  it("are not written into a file of anything else, which stays as it is", async () => {
    for (const text of ["my notes", "my notes\nof today", "my notes\nof today\n", '{\n  "mine": 1\n}', "[1\n,2]"]) {
      await writeFile(path, text);
      const error: unknown = await JsonlWriter.open(path).catch((thrown: unknown) => thrown);
      expect((error as Error | undefined)?.message).to.match(/lines\.jsonl: holds something else than JSON lines/);
      expect(await readFile(path, "utf8")).to.equal(text);
    }
  });

  it("are damaged when an earlier line is", async () => {
    await writeFile(path, '{"n":1}\n{"n":\n');
    await appendFile(path, '{"n":3}\n');
    const error: unknown = await readAllJsonl(path).catch((thrown: unknown) => thrown);
    expect((error as Error).message).to.match(/line 2: not JSON/);
  });

  it("are cut behind the last that is kept, wherever the pieces end", async () => {
    // Longer than a piece now and then.
    const lengths = fc.array(fc.oneof(fc.nat({ max: 90 }), fc.integer({ min: 60_000, max: 70_000 })), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(lengths, fc.nat({ max: 8 }), fc.boolean(), async (sizes, last, isTorn) => {
        const lines = sizes.map((size, n) => JSON.stringify({ n, text: "ü".repeat(size) }));
        await writeFile(path, lines.map((line) => `${line}\n`).join("") + (isTorn ? '{"n":' : ""));
        const fromEnd: string[] = [];
        for await (const { text } of linesFromEnd(path)) fromEnd.push(text);
        expect(fromEnd).to.deep.equal([...lines].reverse());
        await truncateAfter(path, (line) => (JSON.parse(line) as { n: number }).n <= last);
        const kept = lines.slice(0, last + 1);
        expect(await readFile(path, "utf8")).to.equal(kept.map((line) => `${line}\n`).join(""));
      }),
      { numRuns: 60 },
    );
  });

  it("are written on, and cut, in a file of more bytes than fit into memory", async () => {
    const head = 3 * 2 ** 30;
    await writeFile(path, "");
    await truncate(path, head);
    await appendFile(path, '\n{"n":1}\n{"n":2}\n{"n":');
    const writer = await JsonlWriter.open(path);
    await writer.append({ n: 3 });
    await writer.close();
    await truncateAfter(path, (line) => (JSON.parse(line) as { n: number }).n <= 1);
    expect((await stat(path)).size).to.equal(head + '\n{"n":1}\n'.length);
  });
});
