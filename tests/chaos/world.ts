import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { tinyWorld } from "../fixtures/tiny-run.js";
import type { ScenarioName } from "../fixtures/chaos-scenarios.js";
import { scenarios } from "../fixtures/chaos-scenarios.js";
import { writeAtomically } from "../../src/files/write-atomically.js";
import { live } from "./kill.js";
import type { Result } from "./trial.js";
import { resultOf } from "./trial.js";

/** Model, pairs and the runs that never died. */
export interface ChaosGround {
  /** The file that `chaos-run.ts` reads. */
  readonly world: string;
  readonly whole: Record<ScenarioName, Result>;
}

/** Builds the tiny world and runs each scenario once without a kill. */
export async function chaosGround(folder: string, names: readonly ScenarioName[]): Promise<ChaosGround> {
  await mkdir(folder, { recursive: true });
  const { model, pairs } = await tinyWorld();
  const world = join(folder, "world.json");
  await writeAtomically(world, JSON.stringify({ model, pairs }));
  const whole = {} as Record<ScenarioName, Result>;
  for (const name of names) {
    const directory = join(folder, `whole-${name}`);
    await rm(directory, { recursive: true, force: true });
    const { ended, output } = await live(world, name, directory, null);
    if (!ended) throw new Error(`the run ${name} that nobody kills did not end:\n${output}`);
    whole[name] = await resultOf(directory);
  }
  return { world, whole };
}

export const scenarioNames = Object.keys(scenarios) as ScenarioName[];
