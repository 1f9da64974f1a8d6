import { expect } from "chai";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, stat, symlink, writeFile } from "node:fs/promises";
import type { Server } from "node:net";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSocketDirectory } from "../../src/backend/socket-directory.js";
import { sweepStaleSockets } from "../../src/backend/stale-sockets.js";
import { UserError } from "../../src/errors.js";

/** The id of a process that has just ended. */
function deadProcessId(): number {
  return spawnSync(process.execPath, ["-e", ""]).pid;
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
    await writeFile(directory.socket("a.sock"), "");
    directory.remove();
    directory.remove();
    expect(existsSync(directory.path)).to.equal(false);
  });

  it("need a short parent", async () => {
    const deep = join(parent, "x".repeat(100));
    await mkdir(deep);
    expect(() => openSocketDirectory(deep)).to.throw(UserError, /^TMPDIR: .*set TMPDIR=\/tmp/);
  });

  it("are swept when their owner is dead, and only then", async () => {
    const own = openSocketDirectory(parent);
    const stale = join(parent, `scpo-${deadProcessId()}-abcdef`);
    await mkdir(stale);
    await writeFile(join(stale, "trainer.sock"), "");
    const others = [join(parent, "scpo-tests-abcdef"), join(parent, `other-${deadProcessId()}-abcdef`)];
    for (const path of others) await mkdir(path);
    const link = join(parent, `scpo-${deadProcessId()}-linked`);
    await symlink(others[0] as string, link);
    expect(await sweepStaleSockets(parent)).to.deep.equal([stale]);
    expect(existsSync(stale)).to.equal(false);
    for (const path of [own.path, ...others, link]) expect(existsSync(path)).to.equal(true);
  });

  it("stay when somebody answers on a socket in them", async () => {
    const stale = join(parent, `scpo-${deadProcessId()}-abcdef`);
    await mkdir(stale);
    const server = await new Promise<Server>((resolve) => {
      const listening = createServer().listen(join(stale, "trainer.sock"), () => resolve(listening));
    });
    expect(await sweepStaleSockets(parent)).to.deep.equal([]);
    await new Promise((resolve) => server.close(resolve));
    expect(await sweepStaleSockets(parent)).to.deep.equal([stale]);
  });
});
