import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, readdirSync, watch } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { PACKAGE_ROOT } from "../../src/package-root.js";
import type { ScenarioName } from "../fixtures/chaos-scenarios.js";
import type { Moment } from "./moment.js";
import { marks } from "./moment.js";

/** Node and Python boot meanwhile, on a machine that may be busy. */
const longestMilliseconds = 900_000;

/** What became of one life of a run. */
export interface Life {
  /** Whom the kill reached; empty when the run ended before the moment came. */
  readonly killed: readonly ("director" | "trainer")[];
  /** True when the run came to its end. */
  readonly ended: boolean;
  /** What the director printed at last, for whoever looks for the reason. */
  readonly output: string;
}

/** Directs a run in a process of its own, and kills whom the moment says when it comes. */
export async function live(
  world: string,
  scenario: ScenarioName,
  directory: string,
  moment: Moment | null,
): Promise<Life> {
  const script = join(PACKAGE_ROOT, "tests", "fixtures", "chaos-run.ts");
  const director = spawn(process.execPath, ["--import", "tsx", script, world, scenario, directory], {
    cwd: PACKAGE_ROOT,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output: string[] = [];
  const killed: ("director" | "trainer")[] = [];
  let count = 0;
  let killing: Promise<void> | undefined;
  const hear = (mark: string) => {
    if (moment === null || killing !== undefined || !marks[moment.phase].mark.test(mark)) return;
    count += 1;
    if (count === moment.occurrence) killing = sleep(moment.delay).then(() => void kill(director, moment, killed));
  };
  const unwatch = watchCheckpoints(join(directory, "checkpoints"), hear);
  hear("spawned");
  createInterface({ input: director.stdout }).on("line", (line) => {
    output.push(line);
    hear(line);
  });
  createInterface({ input: director.stderr }).on("line", (line) => output.push(line));
  const timer = setTimeout(() => director.kill("SIGKILL"), longestMilliseconds);
  const [code] = (await once(director, "close")) as [number | null];
  clearTimeout(timer);
  unwatch();
  return { killed, ended: code === 0, output: [...output.slice(-15), `exit code ${code}`].join("\n") };
}

function kill(director: ChildProcess, { target }: Moment, killed: ("director" | "trainer")[]): void {
  const trainers = childrenOf(director.pid as number);
  // Before there is a trainer only the director can die.
  const hitsTrainer = target !== "director" && trainers.length > 0;
  if (hitsTrainer) for (const trainer of trainers) process.kill(trainer, "SIGKILL");
  if (hitsTrainer) killed.push("trainer");
  if (target !== "trainer" || !hitsTrainer) {
    if (director.kill("SIGKILL")) killed.push("director");
  }
}

/** Folders that appear among a run's checkpoints, as marks. */
function watchCheckpoints(folder: string, hear: (mark: string) => void): () => void {
  const seen = new Set<string>();
  let stop: () => void = () => undefined;
  const timer = setInterval(() => {
    if (!existsSync(folder)) return;
    clearInterval(timer);
    const watcher = watch(folder, (_event, name) => {
      if (name === null) return;
      // An event tells of a name that came or went.
      const isThere = existsSync(join(folder, name));
      if (isThere && !seen.has(name)) hear(`+${name}`);
      if (isThere) seen.add(name);
      else seen.delete(name);
    });
    stop = () => watcher.close();
  }, 20);
  return () => {
    clearInterval(timer);
    stop();
  };
}

/** Processes that a process started. */
export function childrenOf(parent: number): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((processId) => {
      try {
        const fields = readFileSync(`/proc/${processId}/stat`, "utf8")
          .replace(/^.*\) /s, "")
          .split(" ");
        return Number(fields[1]) === parent && /python/.test(readFileSync(`/proc/${processId}/cmdline`, "utf8"));
      } catch {
        return false;
      }
    });
}
