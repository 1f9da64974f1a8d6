import { expect } from "chai";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import type { Server } from "node:net";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { openSocketDirectory } from "../../src/backend/socket-directory.js";
import { sweepStaleSockets } from "../../src/backend/stale-sockets.js";
import { UserError } from "../../src/errors.js";
import { PACKAGE_ROOT } from "../../src/package-root.js";

/** The id of a process that has just ended. */
function deadProcessId(): number {
  return spawnSync(process.execPath, ["-e", ""]).pid;
}

/** What a killed process leaves: its socket directory with a socket on which nobody listens. */
function leftBehind(parent: string): string {
  const script = join(PACKAGE_ROOT, "tests", "fixtures", "leave-sockets.ts");
  const { stdout, signal } = spawnSync(process.execPath, ["--import=tsx", script, parent], { encoding: "utf8" });
  expect(signal).to.equal("SIGKILL");
  return stdout;
}

describe("socket directories", () => {
  let parent: string;

  beforeEach(async () => {
    parent = await mkdtemp(join(tmpdir(), "sweep-"));
  });

  afterEach(() => rm(parent, { recursive: true, force: true }));

  it("are private and vanish when removed", async () => {
    const directory = openSocketDirectory(parent);
    expect((await stat(directory.path)).mode & 0o777).to.equal(0o700);
    const server = await listen(directory.socket("a.sock"));
    directory.remove();
    directory.remove();
    expect(existsSync(directory.path)).to.equal(false);
    server.close();
  });

  it("need a short parent", async () => {
    const deep = join(parent, "x".repeat(100));
    await mkdir(deep);
    expect(() => openSocketDirectory(deep)).to.throw(UserError, /^TMPDIR: .*set TMPDIR=\/tmp/);
    expect(await readdir(deep)).to.deep.equal([]);
  });

  it("are swept when their owner is dead, and only then", async () => {
    const own = openSocketDirectory(parent);
    const stale = leftBehind(parent);
    expect(await readdir(stale)).to.include("trainer.sock");
    const link = join(parent, `scpo-${deadProcessId()}-linked`);
    await symlink(own.path, link);
    expect(await sweepStaleSockets(parent)).to.deep.equal([stale]);
    expect(existsSync(stale)).to.equal(false);
    for (const path of [own.path, link]) expect(existsSync(path)).to.equal(true);
  });

  it("are told from folders of other people by their mark, whatever the name", async () => {
    const kept = new Map<string, string>();
    for (const name of ["scpo-2026-11-30", "scpo-2509-24491", `scpo-${deadProcessId()}-abcdef`, "scpo-tests"]) {
      for (const file of ["notes.txt", "data/pairs.jsonl", "trainer.sock"]) {
        const path = join(parent, name, file);
        await mkdir(join(path, ".."), { recursive: true });
        await writeFile(path, path);
        kept.set(path, path);
      }
    }
    await mkdir(join(parent, "scpo-2025-12-31"));
    expect(await sweepStaleSockets(parent)).to.deep.equal([]);
    for (const [path, content] of kept) expect(await readFile(path, "utf8")).to.equal(content);
    expect(existsSync(join(parent, "scpo-2025-12-31"))).to.equal(true);
  });

  it("keep what somebody put into them", async () => {
    const stale = leftBehind(parent);
    await mkdir(join(stale, "mine"));
    await writeFile(join(stale, "mine", "notes.txt"), "mine");
    await writeFile(join(stale, "more.sock"), "no socket");
    expect(await sweepStaleSockets(parent)).to.deep.equal([]);
    expect((await readdir(stale)).sort()).to.deep.equal(["mine", "more.sock"]);
    const own = openSocketDirectory(parent);
    await writeFile(join(own.path, "notes.txt"), "mine");
    own.remove();
    expect(await readFile(join(own.path, "notes.txt"), "utf8")).to.equal("mine");
  });

  it("are not those that were copied or renamed", async () => {
    const stale = leftBehind(parent);
    const copy = `${stale}-copy`;
    await mkdir(copy);
    for (const name of await readdir(stale)) {
      if (name.endsWith(".json")) await cp(join(stale, name), join(copy, name));
    }
    const renamed = join(parent, `${basename(stale)}-renamed`);
    await rename(stale, renamed);
    expect(await sweepStaleSockets(parent)).to.deep.equal([]);
    for (const path of [copy, renamed]) expect((await readdir(path)).length).to.be.greaterThan(0);
  });

  it("stay when somebody answers on a socket in them", async () => {
    const stale = leftBehind(parent);
    const server = await listen(join(stale, "other.sock"));
    expect(await sweepStaleSockets(parent)).to.deep.equal([]);
    await new Promise((resolve) => server.close(resolve));
    expect(await sweepStaleSockets(parent)).to.deep.equal([stale]);
  });
});

function listen(path: string): Promise<Server> {
  return new Promise((resolve) => {
    const server = createServer().listen(path, () => resolve(server));
  });
}
