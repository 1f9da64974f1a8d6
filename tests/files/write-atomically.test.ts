import { expect } from "chai";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { replaceAtomically, writeAtomically } from "../../src/files/write-atomically.js";

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
    expect(await failure(writeAtomically(path, "new"))).to.be.instanceOf(Error);
    expect(readdirSync(folder)).to.deep.equal(["file.txt"]);
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
