import { createHash } from "node:crypto";
import { readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readEqualPart } from "../fixtures/equal-runs.js";
import { followEvents } from "../../src/run/log/read.js";
import { readSummary } from "../../src/run/read-run.js";
import { Random } from "../../src/numbers/random.js";
import type { ScenarioName } from "../fixtures/chaos-scenarios.js";
import { scenarios } from "../fixtures/chaos-scenarios.js";
import { live } from "./kill.js";
import type { Moment } from "./moment.js";
import { momentOf, phases, targets } from "./moment.js";

/** Optimiser steps from one saved training to the next in the runs of `chaos-scenarios.ts`. */
const everySteps = 3;
const mostLives = 8;

/** What a run came to: everything that must not depend on whether it died in between. */
export interface Result {
  readonly weights: Record<string, string>;
  /** What equal runs share of their logs. */
  readonly log: string;
  readonly summary: string;
}

/** A run that was killed once or twice. */
export interface Trial {
  readonly trial: number;
  readonly scenario: ScenarioName;
  readonly moments: readonly Moment[];
  /** Whom each kill reached. */
  readonly killed: readonly string[];
  /** Optimiser steps that were done again, by resumption. */
  readonly redone: readonly number[];
  /** What differs from the run that never died, or went wrong; empty when nothing does. */
  readonly differences: readonly string[];
}

/** Reads what a finished run left. */
export async function resultOf(directory: string): Promise<Result> {
  const weights: Record<string, string> = {};
  for (const stage of [0, 1, 2]) {
    const content = await readFile(join(directory, "checkpoints", `stage-${stage}`, "model.safetensors"));
    weights[`stage-${stage}`] = createHash("sha256").update(content).digest("hex");
  }
  const summary = await readSummary(directory);
  const told = {
    ...summary,
    seconds: 0,
    telemetry: null,
    stages: summary.stages.map((stage) => ({ ...stage, tableSeconds: 0 })),
  };
  return {
    weights,
    log: JSON.stringify(await readEqualPart(join(directory, "log.jsonl"))),
    summary: JSON.stringify(told).replaceAll(directory, "."),
  };
}

/** The moments of a trial: phases and targets in turn, so that any hundred cover all of them; every fourth dies twice. */
export function momentsOf(trial: number, seed: number): Moment[] {
  const random = new Random(`chaos/${seed}/${trial}`);
  const phase = phases[trial % phases.length] as (typeof phases)[number];
  const target = targets[Math.floor(trial / phases.length) % targets.length] as (typeof targets)[number];
  const first = momentOf(random, phase, target);
  return random.chance(0.25) ? [first, momentOf(random, random.pick(phases), random.pick(targets))] : [first];
}

/** Kills a run at its moments, resumes it until it ends, and compares it with the one that never died. */
export async function runTrial(
  trial: number,
  seed: number,
  world: string,
  directory: string,
  whole: Record<ScenarioName, Result>,
): Promise<Trial> {
  const names = Object.keys(scenarios) as ScenarioName[];
  const scenario = names[trial % names.length] as ScenarioName;
  const moments = momentsOf(trial, seed);
  await rm(directory, { recursive: true, force: true });
  const killed: string[] = [];
  const differences: string[] = [];
  let ended = false;
  for (let lives = 0; !ended && lives < mostLives; lives++) {
    const life = await live(world, scenario, directory, moments[lives] ?? null);
    if (life.killed.length > 0) killed.push(life.killed.join(" and "));
    ended = life.ended;
    if (!ended && !life.killed.includes("director")) differences.push(`a director ended by itself:\n${life.output}`);
  }
  if (!ended) differences.push(`no end after ${mostLives} lives`);
  else differences.push(...(await compared(directory, whole[scenario])));
  const redone = await redoneSteps(directory);
  for (const steps of redone) {
    if (steps > everySteps)
      differences.push(`${steps} steps were done again, more than the ${everySteps} of an interval`);
  }
  return { trial, scenario, moments, killed, redone, differences };
}

async function compared(directory: string, whole: Result): Promise<string[]> {
  const found = await resultOf(directory).catch((error: unknown) => String(error));
  if (typeof found === "string") return [found];
  const names = ["weights", "log", "summary"] as const;
  const differences = names
    .filter((name) => JSON.stringify(found[name]) !== JSON.stringify(whole[name]))
    .map((name) => `${name} differ`);
  return [...differences, ...(await gaps(directory)), ...(await leftovers(directory))];
}

/** Sequence numbers of events go on without gaps or repetitions. */
async function gaps(directory: string): Promise<string[]> {
  let expected = 1;
  for await (const { sequence } of followEvents(join(directory, "log.jsonl"), { ended: () => true })) {
    if (sequence !== expected) return [`event ${sequence} stands where ${expected} was expected`];
    expected += 1;
  }
  return [];
}

/** Nothing half-written stays, and no socket of a dead director. */
async function leftovers(directory: string): Promise<string[]> {
  const checkpoints = await readdir(join(directory, "checkpoints"));
  const found = checkpoints.filter((name) => !/^(stage|step)-\d+$/.test(name));
  const owners: number[] = [];
  for await (const { event } of followEvents(join(directory, "log.jsonl"), { ended: () => true })) {
    if (event.type === "claimed") owners.push(event.processId);
  }
  // The next start sweeps what the last one that was killed left; only those before it must be gone.
  const swept = owners.slice(0, -1).map((owner) => `scpo-${owner}-`);
  const sockets = (await readdir(tmpdir())).filter((name) => swept.some((start) => name.startsWith(start)));
  return [...found, ...sockets].map((name) => `${name} is left over`);
}

/** How many optimiser steps each resumption did again. */
async function redoneSteps(directory: string): Promise<number[]> {
  const redone: number[] = [];
  let step = 0;
  for await (const { event } of followEvents(join(directory, "log.jsonl"), { ended: () => true })) {
    if (event.type === "step") step = event.report.step;
    if (event.type === "resumed") redone.push(Math.max(step - event.step, 0));
    if (event.type === "resumed") step = event.step;
  }
  return redone;
}
