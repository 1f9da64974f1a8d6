import { expect } from "chai";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { PACKAGE_ROOT } from "../../src/package-root.js";
import { SCPO } from "../fixtures/scpo-command.js";

const ROWS = 1500;

/** Runs the command; kills it when it says for the first time how far it is, or lets it end. */
function scpo(args: readonly string[], kill: "kill" | "interrupt" | "let it end"): Promise<number | null> {
  const child = spawn(process.execPath, [...SCPO, ...args], {
    cwd: PACKAGE_ROOT,
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  child.stderr.on("data", (piece: Buffer) => {
    said += piece.toString();
    // A second interrupt would mean: do not even tidy up.
    if (kill !== "let it end" && !child.killed && /pairs( read)? \d+\//.test(said)) {
      child.kill(kill === "kill" ? "SIGKILL" : "SIGINT");
    }
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => {
      if (kill === "let it end" && code !== 0) reject(new Error(said));
      else resolve(code);
    });
  });
}

/** Path and hash of every file below a folder. */
async function content(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const hashes = files.map(async (path) => {
    const hash = createHash("sha256")
      .update(await readFile(path))
      .digest("hex");
    return `${path.slice(folder.length)} ${hash}`;
  });
  return (await Promise.all(hashes)).sort();
}

describe("an interrupted import or export", function () {
  this.timeout(180_000);
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "scpo-interrupted-"));
    const source = join(folder, "source");
    await mkdir(source);
    for (let shade = 0; shade < 200; shade++) {
      const image = sharp({ create: { width: 8, height: 8, channels: 3, background: { r: shade, g: 0, b: 0 } } });
      await image.png().toFile(join(source, `${shade}.png`));
    }
    const rows = Array.from({ length: ROWS }, (_, at) =>
      JSON.stringify({
        image: `${at % 200}.png`,
        rejected_image: at % 97 === 0 ? "none.png" : `${(at * 7) % 200}.png`,
        ...{ prompt: "How dark?", chosen: `shade ${at % 200}`, rejected: `another than ${at}` },
      }),
    );
    await writeFile(join(source, "rows.jsonl"), `${rows.join("\n")}\n`);
  });
  after(() => rm(folder, { recursive: true }));

  const importInto = (out: string): string[] => [
    ...["pairs", "import", join(folder, "source", "rows.jsonl"), "--from", "trl", "--out", join(out, "pairs.parquet")],
  ];

  it("ends with the same files when it is run again", async () => {
    const [whole, torn] = [join(folder, "whole"), join(folder, "torn")];
    await scpo(importInto(whole), "let it end");
    const expected = await content(whole);
    expect(expected.map((line) => line.split(" ")[0])).to.deep.equal([
      "/pairs.parquet",
      "/pairs.parquet.import.json",
      "/pairs.parquet.quarantine.jsonl",
    ]);
    expect(await scpo(importInto(torn), "interrupt")).to.equal(130);
    expect(await content(torn)).to.deep.equal([]);
    await scpo(importInto(torn), "kill");
    expect((await content(torn)).join("\n")).not.to.match(/^\/pairs\.parquet /m);
    await scpo(importInto(torn), "let it end");
    expect(await content(torn)).to.deep.equal(expected);

    for (const format of ["trl", "ms-swift"]) {
      const exported = (name: string): string[] => {
        const out = join(folder, name, ...(format === "trl" ? ["rows.parquet"] : ["rows"]));
        return ["pairs", "export", join(whole, "pairs.parquet"), "--to", format, "--out", out];
      };
      await scpo(exported(`${format}-whole`), "let it end");
      await scpo(exported(`${format}-torn`), "kill");
      expect((await content(join(folder, `${format}-torn`))).join("\n")).not.to.match(
        /rows(\.parquet|\/pairs\.jsonl) /,
      );
      await scpo(exported(`${format}-torn`), "let it end");
      expect(await content(join(folder, `${format}-torn`))).to.deep.equal(
        await content(join(folder, `${format}-whole`)),
      );
    }
  });
});
