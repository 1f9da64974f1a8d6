import { stat } from "node:fs/promises";
import { PairRecord } from "../generated/scpo/v1/telemetry.js";
import type { StepReport } from "../generated/scpo/v1/trainer.js";
import { readEntries } from "../run/log/read.js";
import { refuseEarlierVersion, runPaths } from "../run/run-files.js";
import { readJsonl } from "../files/jsonl.js";
import type { ReferenceUpdate, TrainedStage, TrainingHistory } from "./report-data.js";

/** Larger record files exceed a process's memory: a sample of the steps is read instead. */
const RECORD_BYTES = 256 * 1024 * 1024;

/**
 * Reads what a run left in its folder: its log and, unless telemetry was off, `pair-records.jsonl`.
 *
 * @param directory - The run's folder.
 * @param method - Key of the method that was trained.
 * @param telemetry - Telemetry messages that were lost, and whether the final one came. @default none lost, complete
 * @param recordBytes - About so many bytes of records are taken, those of every so many steps. @default 256 MiB
 */
export async function readTraining(
  directory: string,
  method: string,
  telemetry: TrainingHistory["telemetry"] = { lost: 0, complete: true },
  recordBytes: number = RECORD_BYTES,
): Promise<TrainingHistory> {
  refuseEarlierVersion(directory);
  const { log, pairRecords } = runPaths(directory);
  const records = readRecords(pairRecords, recordBytes);
  // Awaited below; a log that cannot be read comes first.
  records.catch(() => undefined);
  const stages: TrainedStage[] = [];
  const referenceUpdates: ReferenceUpdate[] = [];
  const steps: StepReport[] = [];
  let name = "";
  let done = 0;
  for await (const entry of readEntries(log)) {
    if (entry.type === "stage-opened") {
      name = entry.name;
      // The first stage starts from the initial model whatever its mode: nothing moves there.
      if (entry.stage > 0 && entry.reference !== "keep") {
        const reason = entry.reference === "policy" ? "reset to the policy" : "reset to the initial model";
        referenceUpdates.push({ step: done, alpha: entry.reference === "policy" ? 1 : 0, reason });
      }
    } else if (entry.type === "step") {
      // No curve needs the pairs, and those of a long run take room.
      steps.push({ ...entry.report, pairs: [] });
    } else if (entry.type === "reference-moved") {
      referenceUpdates.push({ step: entry.step, alpha: entry.alpha, reason: entry.reason });
    } else if (entry.type === "stage-closed") {
      stages.push({ stage: entry.stage, name, firstStep: done + 1, lastStep: done + entry.steps });
      done += entry.steps;
    }
  }
  return { method, stages, referenceUpdates, steps, ...(await records), telemetry };
}

async function readRecords(
  path: string,
  recordBytes: number,
): Promise<Pick<TrainingHistory, "records" | "recordsEvery">> {
  const bytes = await stat(path).then(
    ({ size }) => size,
    () => null,
  );
  if (bytes === null) return { records: [] };
  const every = Math.max(1, Math.ceil(bytes / recordBytes));
  const records: PairRecord[] = [];
  for await (const line of readJsonl<{ step: number }>(path)) {
    if (line.step % every === 0) records.push(PairRecord.fromJSON(line));
  }
  return every === 1 ? { records } : { records, recordsEvery: every };
}
