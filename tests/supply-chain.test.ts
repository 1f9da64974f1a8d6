import { type Spec, Validation } from "@cyclonedx/cyclonedx-library";
import { expect } from "chai";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { PACKAGE_ROOT } from "../src/package-root.js";

const read = (...path: string[]) => readFile(join(PACKAGE_ROOT, ...path), "utf8");

describe("what is installed", () => {
  it("has hashes of every Python package that is pinned but torch: else npm run lock-python", async () => {
    const pins = (text: string) => [...text.matchAll(/^([^#=\s]+==\S+)/gm)].map(([, pin]) => pin ?? "");
    const listed = (text: string) =>
      pins(text)
        .map((pin) => pin.toLowerCase().replaceAll("_", "-"))
        .sort();
    const lock = await read("python_bridge", "requirements.lock");
    const pinned = listed(await read("python_bridge", "requirements.txt"));
    expect(listed(lock)).to.deep.equal(pinned.filter((pin) => !pin.startsWith("torch==")));
    for (const entry of lock.split(/^(?=[^#\s])/m).slice(1)) {
      expect(entry).to.match(/^\S+==\S+ \\\n(?: {4}--hash=sha256:[0-9a-f]{64}(?: \\)?\n)+/);
    }
  });

  it("has an integrity hash of every Node package, and no address but the registry's", async () => {
    const { packages } = JSON.parse(await read("package-lock.json")) as {
      packages: Record<string, { resolved?: string; integrity?: string }>;
    };
    for (const [path, { resolved, integrity }] of Object.entries(packages)) {
      if (path === "") continue;
      expect(integrity, path).to.match(/^sha512-/);
      if (resolved !== undefined) expect(resolved, path).to.match(/^https:\/\/registry\.npmjs\.org\//);
    }
  });

  it("is listed in bills of materials as CycloneDX's schema has them", async () => {
    const folder = await mkdtemp(join(tmpdir(), "bills-"));
    try {
      const script = join(PACKAGE_ROOT, "scripts", "third-party.js");
      await promisify(execFile)(process.execPath, [script, "--bills", folder]);
      for (const [name, component] of [
        ["scpo.cdx.json", "zod"],
        ["scpo-trl.cdx.json", "transformers"],
      ] as const) {
        const bill = await readFile(join(folder, name), "utf8");
        const { specVersion, components } = JSON.parse(bill) as {
          specVersion: Spec.Version;
          components: { name: string }[];
        };
        const mistakes: unknown = await new Validation.JsonStrictValidator(specVersion).validate(bill);
        expect(mistakes, `${name}: ${JSON.stringify(mistakes, null, 2)}`).to.equal(null);
        expect(components.map(({ name }) => name)).to.include(component);
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  }).timeout(60_000);
});
