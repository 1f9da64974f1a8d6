import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { UserError } from "../errors.js";
import { writeAtomically } from "../files/write-atomically.js";
import { TrainingOffer } from "../generated/scpo/v1/director.js";
import type { StartTraining } from "../generated/scpo/v1/trainer.js";
import { type JsonValue, OFFERED, SAID_BY_PLANS } from "../run/plan.js";
import type { LocatedProblem } from "./problems.js";
import type { NamedRunSettings, ReadSettings } from "./read.js";

/** What the training that dialled first brought along, in its run's folder. */
const OFFER_FILE = "offer.json";

/** The offer of a run's training; undefined for a run whose trainer is no training that dials. */
export async function readOffer(directory: string): Promise<TrainingOffer | undefined> {
  const path = join(directory, OFFER_FILE);
  if (!existsSync(path)) return undefined;
  return TrainingOffer.fromJSON(JSON.parse(await readFile(path, "utf8")));
}

/** Keeps an offer in its run's folder, so that the run can be planned again without the training. */
export async function writeOffer(directory: string, offer: TrainingOffer): Promise<void> {
  await writeAtomically(join(directory, OFFER_FILE), `${JSON.stringify(TrainingOffer.toJSON(offer))}\n`);
}

/** What else the training learns by, under the names of `SCPOConfig`. */
export function offeredSettings({ own }: TrainingOffer): Record<string, JsonValue> {
  return JSON.parse(own?.settings ?? "{}") as Record<string, JsonValue>;
}

/** Difficulty and stage of every row that the training has. */
export function offeredRows(offer: TrainingOffer): { difficulty: number | null; stage: number | null }[] {
  const { rows, difficulties, stages } = offer;
  const beyond = difficulties.findIndex((difficulty) => difficulty < 0 || difficulty > 1);
  if (beyond >= 0) {
    throw new UserError(
      `difficulty: row ${beyond} of the training has ${difficulties[beyond]}, expected 0 (easy) to 1 (hard): scale the column`,
    );
  }
  return Array.from({ length: rows }, (_, row) => {
    const difficulty = difficulties[row];
    return {
      difficulty: difficulty === undefined || Number.isNaN(difficulty) ? null : difficulty,
      stage: stages[row] ?? null,
    };
  });
}

/**
 * The settings of a run as the training that dialled allows: its sizes are its own.
 *
 * @throws SettingsError for every setting that says otherwise than the training.
 */
export function withOffer({ given, settings, refusal }: ReadSettings, offer: TrainingOffer): NamedRunSettings {
  const problems: LocatedProblem[] = [];
  const add = (path: (string | number)[], description: string, isName = false) =>
    problems.push({ path, isName, description });
  const { batchSize, gradientAccumulationSteps } = offer.own as StartTraining;
  const sizes = {
    per_device_train_batch_size: batchSize / Math.max(offer.processes, 1),
    gradient_accumulation_steps: gradientAccumulationSteps,
  };
  const own: Record<string, JsonValue> = { ...offeredSettings(offer), ...sizes };
  if (settings.model !== OFFERED) {
    add(
      ["model"],
      `found ${JSON.stringify(settings.model)}, expected "${OFFERED}": a training that dials loads its own`,
    );
  }
  const written = (given as { training?: Record<string, unknown> }).training ?? {};
  for (const [name, value] of Object.entries(written)) {
    // Losses know their own beta.
    const isDecidedHere = !(name in sizes) && (SAID_BY_PLANS as readonly string[]).includes(name);
    if (isDecidedHere || name === "beta") continue;
    if (!(name in own)) {
      add(["training", name], "is set where the training is started, in its SCPOConfig: leave it out", true);
    } else if (!isDeepStrictEqual(value, own[name])) {
      const words = `found ${JSON.stringify(value)}, but the training that dialled has ${JSON.stringify(own[name])}`;
      add(["training", name], `${words}: make them the same, or leave it out here`);
    }
  }
  const folder = offer.own?.checkpointDirectory ?? "";
  const { scenes, benchmarks } = settings.evaluation;
  const evaluates = scenes !== undefined || benchmarks.length > 0;
  if (evaluates && offer.host !== hostname() && !existsSync(folder)) {
    const where = `${folder} on ${JSON.stringify(offer.host)}`;
    add(
      ["evaluation"],
      `needs the models, which are saved in ${where}, out of this machine's sight: share the folder, or leave it out`,
    );
  }
  if (problems.length > 0) throw refusal(problems);
  return { ...settings, training: { ...settings.training, ...sizes } };
}
