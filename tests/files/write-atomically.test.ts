import { expect } from "chai";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { UserError } from "../../src/errors.js";
import { removeLeftovers, replaceAtomically, writeAtomically } from "../../src/files/write-atomically.js";

describe("replaceAtomically", () => {
  let folder = "";
  let path = "";

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "scpo-atomic-"));
    path = join(folder, "file.txt");
  });

  afterEach(() => rmSync(folder, { recursive: true }));

  const failure = (done: Promise<void>): Promise<unknown> =>
    done.then(
      () => undefined,
      (error: unknown) => error,
    );

  const brokenOff = async (temporaryPath: string): Promise<void> => {
    await writeFile(temporaryPath, "half");
    throw new Error("broken off");
  };

  it("shows the new content only when it is complete", async () => {
    writeFileSync(path, "old");
    await replaceAtomically(path, async (temporaryPath) => {
      expect(dirname(temporaryPath)).to.equal(folder);
      await writeFile(temporaryPath, "new");
      expect(readFileSync(path, "utf8")).to.equal("old");
    });
    expect(readFileSync(path, "utf8")).to.equal("new");
    expect(readdirSync(folder)).to.deep.equal(["file.txt"]);
  });

  it("leaves neither file nor temporary file when writing fails", async () => {
    expect(await failure(replaceAtomically(path, brokenOff))).to.have.property("message", "broken off");
    expect(readdirSync(folder)).to.deep.equal([]);
  });

  it("leaves an earlier file as it was when writing fails", async () => {
    writeFileSync(path, "old");
    expect(await failure(replaceAtomically(path, brokenOff))).to.have.property("message", "broken off");
    expect(readFileSync(path, "utf8")).to.equal("old");
    expect(readdirSync(folder)).to.deep.equal(["file.txt"]);
  });

  it("leaves no temporary file when the name is taken by a folder", async () => {
    mkdirSync(join(path, "inside"), { recursive: true });
    const told = await failure(writeAtomically(path, "new"));
    expect(told).to.be.instanceOf(UserError);
    expect(told)
      .to.have.property("message")
      .that.match(/file\.txt: cannot be written: a folder is there/);
    expect(readdirSync(folder)).to.deep.equal(["file.txt"]);
  });

  it("sweeps what killed writers left, and DuckDB's folders, by their marks alone", async () => {
    const id = "0f3c1a52-7d1e-4b7e-9a44-6f0f3a1c2b3d";
    for (const left of [`file.txt.${id}.tmp`, `file.txt.${id}.tmp.${id}.tmp`])
      writeFileSync(join(folder, left), "half");
    for (const [spill, name] of [
      [`file.txt.${id}.spill`, "duckdb_temp_storage_DEFAULT-0.tmp"],
      [`file.txt.${id}.tmp.${id}.spill`, "duckdb_temp_block-1.block"],
      [`other.txt.${id}.spill`, "duckdb_temp_block-1.block"],
      [`file.txt.${id.replace("0", "1")}.spill`, "notes.txt"],
      [`file.txt.${id}.log`, "duckdb_temp_block-1.block"],
      ["file.txt.1.spill", "duckdb_temp_block-1.block"],
    ] as const) {
      mkdirSync(join(folder, spill));
      writeFileSync(join(folder, spill, name), "");
    }
    writeFileSync(path, "mine");
    await removeLeftovers(path);
    expect(readdirSync(folder).sort()).to.deep.equal(
      [
        "file.txt",
        "file.txt.1.spill",
        `file.txt.${id}.log`,
        `file.txt.${id.replace("0", "1")}.spill`,
        `other.txt.${id}.spill`,
      ].sort(),
    );
  });

  it("keeps writers of the same file apart", async () => {
    const contents = Array.from({ length: 8 }, (_, writer) => String(writer).repeat(100_000));
    await Promise.all(contents.map((content) => writeAtomically(path, content)));
    expect(contents).to.include(readFileSync(path, "utf8"));
    expect(readdirSync(folder)).to.deep.equal(["file.txt"]);
  });

  it("writes bytes as they are", async () => {
    await writeAtomically(path, Uint8Array.of(0, 255, 10));
    expect([...readFileSync(path)]).to.deep.equal([0, 255, 10]);
  });
});
