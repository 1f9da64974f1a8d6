import { randomUUID } from "node:crypto";
import { link, readFile, rename, rm, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { UserError } from "../errors.js";
import { isAlive, type ProcessIdentity, thisProcess } from "../process-identity.js";

/** A run that this process holds. */
export interface Hold {
  /** Lets go of it; safe to call twice. */
  release(): Promise<void>;
}

/**
 * Makes this process the only one that directs a run. The file of a director that died is taken over.
 *
 * @param path `owner.json`; its folder must exist.
 * @throws UserError when another process, or this one, holds the run.
 */
export async function takeHold(path: string): Promise<Hold> {
  const mine = `${path}.${randomUUID()}`;
  await writeFile(mine, `${JSON.stringify(thisProcess())}\n`);
  try {
    for (;;) {
      if (await linked(mine, path)) return { release: () => rm(path, { force: true }) };
      const found = await readHolder(path);
      if (found !== null && isAlive(found)) throw held(path, found);
      await removeStale(path, found);
    }
  } finally {
    await rm(mine, { force: true });
  }
}

/** Whether a living process holds the run. */
export async function isHeld(path: string): Promise<boolean> {
  const holder = await readHolder(path);
  return holder !== null && isAlive(holder);
}

/** Who directs a run now, in words such as `process 7`; undefined where nobody does. */
export async function holderOf(path: string): Promise<string | undefined> {
  const holder = await readHolder(path);
  if (holder === null || !isAlive(holder)) return undefined;
  return `process ${holder.processId}${holder.host === hostname() ? "" : ` on ${holder.host}`}`;
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

async function readHolder(path: string): Promise<ProcessIdentity | null> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as ProcessIdentity;
  } catch {
    return null;
  }
}

/** Another process may take over at the same moment: only what was seen dead is removed. */
async function removeStale(path: string, seen: ProcessIdentity | null): Promise<void> {
  const aside = `${path}.${randomUUID()}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  const found = await readHolder(aside);
  if (JSON.stringify(found) !== JSON.stringify(seen)) await linked(aside, path);
  await rm(aside, { force: true });
}

function held(path: string, holder: ProcessIdentity): UserError {
  const where = holder.host === hostname() ? "" : ` on ${holder.host}, which cannot be looked at from here`;
  const mend = where === "" ? "wait for it, or cancel or pause the run" : `when it is gone, remove ${path}`;
  return new UserError(`run: process ${holder.processId}${where} directs it, expected none: ${mend}`);
}
