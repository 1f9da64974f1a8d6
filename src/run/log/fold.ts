import { DamagedLineError } from "../../files/jsonl.js";
import type { Landmark, LogLine } from "./entries.js";

/** A saved training that belongs to a run. */
interface SavedTraining {
  readonly name: string;
  readonly step: number;
  /** Number of its event. */
  readonly sequence: number;
  /** How many of the fold's entries stand before it. */
  readonly entries: number;
}

/** A run's log as it counts. */
export interface FoldedLog {
  /** What happened, without what resumptions and directors that took over made void. */
  readonly entries: readonly Landmark[];
  /** The run's beginning as a saved training, once it has begun, and those that belong to it; oldest first. */
  readonly saved: readonly SavedTraining[];
  /** The micro-batch in force; null: the plan's. */
  readonly microBatch: { readonly batchSize: number; readonly gradientAccumulationSteps: number } | null;
  /** What stands behind event `after`, up to event `until`, does not count. */
  readonly gone: readonly { readonly after: number; readonly until: number }[];
  /** A damaged line that no resumption went back behind: what follows it does not count. */
  readonly damage: DamagedLineError | null;
}

/**
 * Folds away what resumptions made void. Whoever asks a log what happened goes through this.
 *
 * @param lines The log's landmarks, in order, and its damaged lines as far as they are known.
 */
export function foldLog(lines: Iterable<LogLine<Landmark> | DamagedLineError>): FoldedLog {
  let entries: Landmark[] = [];
  let saved: SavedTraining[] = [];
  let microBatch: FoldedLog["microBatch"] = null;
  const gone: { after: number; until: number }[] = [];
  let damage: DamagedLineError | null = null;
  let ends: number[] = [];
  const drop = (event: number) => gone.push({ after: event - 1, until: event });
  for (const line of lines) {
    if (line instanceof DamagedLineError) {
      damage ??= line;
      continue;
    }
    const { sequence, entry } = line;
    if (entry.type === "resumed") {
      if (trainingEnd({ entries }) !== null) {
        // Behind the training nothing is done again.
        damage = null;
        continue;
      }
      const from = saved.find(({ step }) => step === entry.step);
      if (from === undefined) continue;
      damage = null;
      gone.push({ after: from.sequence, until: sequence });
      entries = entries.slice(0, from.entries);
      saved = saved.filter(({ step }) => step <= entry.step);
    }
    // A beginning that was damaged is made once more.
    if (damage !== null && entry.type === "started") {
      damage = null;
      gone.push({ after: 0, until: sequence - 1 });
      [entries, saved, ends] = [[], [], []];
    }
    if (damage !== null) continue;
    switch (entry.type) {
      case "claimed":
        // How the run ended before is void.
        ends.forEach(drop);
        ends = [];
        entries = entries.filter(({ type }) => type !== "ended" && type !== "failed");
        break;
      case "ended":
      case "failed":
        ends.push(sequence);
        entries.push(entry);
        break;
      case "resumed":
        break;
      case "micro-batch-halved":
        microBatch = { batchSize: entry.batchSize, gradientAccumulationSteps: entry.gradientAccumulationSteps };
        break;
      case "training-saved":
        saved = saved.filter(({ step }) => step < entry.step);
        saved.push({ name: entry.name, step: entry.step, sequence, entries: entries.length });
        break;
      case "phase-opened":
        // A director that takes over opens it once more.
        if (entries.some((earlier) => earlier.type === entry.type && earlier.phase === entry.phase)) drop(sequence);
        else entries.push(entry);
        break;
      case "started":
        entries.push(entry);
        saved.push({ name: "", step: 0, sequence, entries: entries.length });
        break;
      case "stage-opened":
      case "checkpoint":
      case "stage-closed":
      case "training-ended":
      case "evaluation-finished":
      case "page-written":
        entries.push(entry);
    }
  }
  return { entries, saved, microBatch, gone, damage };
}

/** The first entry of a type. */
export function entryOf<Type extends Landmark["type"]>(
  { entries }: Pick<FoldedLog, "entries">,
  type: Type,
): Extract<Landmark, { type: Type }> | undefined {
  return entries.find((entry): entry is Extract<Landmark, { type: Type }> => entry.type === type);
}

/** How the training ended; null while it has not. */
export function trainingEnd(folded: Pick<FoldedLog, "entries">): Extract<Landmark, { type: "training-ended" }> | null {
  return entryOf(folded, "training-ended") ?? null;
}

/** Whether what an event, or what follows it before the next, tells still counts. */
export function counts({ gone }: FoldedLog, sequence: number): boolean {
  return !gone.some(({ after, until }) => sequence > after && sequence <= until);
}
