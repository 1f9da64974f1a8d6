import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { hostname } from "node:os";

/** Names a process in a file. A process id alone is taken again sooner or later; with its start it is unique. */
export interface ProcessIdentity {
  readonly processId: number;
  /** When the process started, as the system tells it. */
  readonly started: string;
  readonly host: string;
}

/** The process that asks. */
export function thisProcess(): ProcessIdentity {
  return { processId: process.pid, started: startOf(process.pid) ?? "", host: hostname() };
}

/** Whether a process still runs; one on another machine, which cannot be seen from here, counts as running. */
export function isAlive(identity: ProcessIdentity): boolean {
  if (identity.host !== hostname()) return true;
  return startOf(identity.processId) === identity.started;
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
