import { expect } from "chai";
import { appendFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { JsonlWriter, readAllJsonl } from "../../src/files/jsonl.js";

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

  it("are damaged when an earlier line is", async () => {
    await writeFile(path, '{"n":1}\n{"n":\n');
    await appendFile(path, '{"n":3}\n');
    const error: unknown = await readAllJsonl(path).catch((thrown: unknown) => thrown);
    expect((error as Error).message).to.match(/line 2: not JSON/);
  });
});
