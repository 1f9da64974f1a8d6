import { existsSync } from "node:fs";
import { join } from "node:path";
import { PairRecord } from "../generated/scpo/v1/telemetry.js";
import { readJournal } from "../run/journal.js";
import { readMetrics } from "../run/metrics.js";
import { readAllJsonl } from "../files/jsonl.js";
import type { ReferenceUpdate, TrainedStage, TrainingHistory } from "./report-data.js";

/**
 * Reads what a run left in its folder: `journal.jsonl`, `metrics.jsonl` and, unless telemetry was off,
 * `pair-records.jsonl`.
 *
 * @param directory - The run's folder.
 * @param method - Key of the method that was trained.
 * @param telemetry - Telemetry messages that were lost, and whether the final one came. @default none lost, complete
 */
export async function readTraining(
  directory: string,
  method: string,
  telemetry: TrainingHistory["telemetry"] = { lost: 0, complete: true },
): Promise<TrainingHistory> {
  const [journal, steps, records] = await Promise.all([
    readJournal(join(directory, "journal.jsonl")),
    readMetrics(join(directory, "metrics.jsonl")),
    readRecords(join(directory, "pair-records.jsonl")),
  ]);
  const stages: TrainedStage[] = [];
  const referenceUpdates: ReferenceUpdate[] = [];
  let name = "";
  let done = 0;
  for (const entry of journal) {
    if (entry.type === "stage-opened") {
      name = entry.name;
      // The first stage starts from the initial model whatever its mode: nothing moves there.
      if (entry.stage > 0 && entry.reference !== "keep") {
        const reason = entry.reference === "policy" ? "reset to the policy" : "reset to the initial model";
        referenceUpdates.push({ step: done, alpha: entry.reference === "policy" ? 1 : 0, reason });
      }
    } else if (entry.type === "decision" && entry.moveReferenceAlpha !== null) {
      referenceUpdates.push({ step: entry.step, alpha: entry.moveReferenceAlpha, reason: entry.reason });
    } else if (entry.type === "stage-closed") {
      stages.push({ stage: entry.stage, name, firstStep: done + 1, lastStep: done + entry.steps });
      done += entry.steps;
    }
  }
  return {
    method,
    stages,
    referenceUpdates,
    steps,
    records: records.map((record) => PairRecord.fromJSON(record)),
    telemetry,
  };
}

async function readRecords(path: string): Promise<unknown[]> {
  return existsSync(path) ? readAllJsonl<unknown>(path) : [];
}
