import { expect } from "chai";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sha256File } from "../../src/files/sha256.js";

describe("sha256File", () => {
  it("gives the digest that FIPS 180-2 prints for abc", async () => {
    const folder = await mkdtemp(join(tmpdir(), "scpo-sha-"));
    await writeFile(join(folder, "abc"), "abc");
    expect(await sha256File(join(folder, "abc"))).to.equal(
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    );
    await rm(folder, { recursive: true });
  });
});
