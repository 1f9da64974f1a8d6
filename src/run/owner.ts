import { randomUUID } from "node:crypto";
import { execFileSync } from "node:child_process";
import { link, readFile, rename, rm, writeFile } from "node:fs/promises";
import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { UserError } from "../errors.js";

/** The process that holds a run. A process id alone is taken again sooner or later; with its start it is unique. */
interface Owner {
  readonly processId: number;
  /** When the process started, as the system tells it. */
  readonly started: string;
  readonly host: string;
}

/** A run that this process holds. */
export interface OwnedRun {
  /** Lets go of it; safe to call twice. */
  release(): Promise<void>;
}

/**
 * Makes this process the only one that directs a run. The file of a director that died is taken over.
 *
 * @param path `owner.json`; its folder must exist.
 * @throws UserError when another process, or this one, holds the run.
 */
export async function ownRun(path: string): Promise<OwnedRun> {
  const own: Owner = { processId: process.pid, started: startOf(process.pid) ?? "", host: hostname() };
  const mine = `${path}.${randomUUID()}`;
  await writeFile(mine, `${JSON.stringify(own)}\n`);
  try {
    for (;;) {
      if (await linked(mine, path)) return { release: () => rm(path, { force: true }) };
      const found = await readOwner(path);
      if (found !== null && isAlive(found)) throw held(path, found);
      await removeStale(path, found);
    }
  } finally {
    await rm(mine, { force: true });
  }
}

/** Whether a living process holds the run. */
export async function isOwned(path: string): Promise<boolean> {
  const owner = await readOwner(path);
  return owner !== null && isAlive(owner);
}

/** A hard link appears with its whole content, and only where nothing is yet. */
async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

async function readOwner(path: string): Promise<Owner | null> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as Owner;
  } catch {
    return null;
  }
}

/** Another process may take over at the same moment: only what was seen dead is removed. */
async function removeStale(path: string, seen: Owner | null): Promise<void> {
  const aside = `${path}.${randomUUID()}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  const found = await readOwner(aside);
  if (JSON.stringify(found) !== JSON.stringify(seen)) await linked(aside, path);
  await rm(aside, { force: true });
}

function isAlive(owner: Owner): boolean {
  // What runs on another machine cannot be seen from here.
  if (owner.host !== hostname()) return true;
  return startOf(owner.processId) === owner.started;
}

function held(path: string, owner: Owner): UserError {
  const where = owner.host === hostname() ? "" : ` on ${owner.host}, which cannot be looked at from here`;
  const mend = where === "" ? "wait for it, or cancel or pause the run" : `when it is gone, remove ${path}`;
  return new UserError(`run: process ${owner.processId}${where} directs it, expected none: ${mend}`);
}

/** When a process started, in the system's own terms; null when there is no such process. */
function startOf(processId: number): string | null {
  try {
    if (process.platform === "linux") {
      // The name in parentheses may hold blanks: what follows it is regular. Field 22 is the start, in clock ticks.
      const fields = readFileSync(`/proc/${processId}/stat`, "utf8")
        .replace(/^.*\) /s, "")
        .split(" ");
      return fields[0] === "Z" ? null : (fields[19] ?? null);
    }
    return execFileSync("ps", ["-o", "lstart=", "-p", String(processId)], { encoding: "utf8" }).trim() || null;
  } catch {
    return null;
  }
}
