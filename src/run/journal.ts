import type { ReferenceAtOpen } from "../reference/reference.js";
import { DamagedLineError, JsonlWriter, readJsonl } from "../files/jsonl.js";
import type { Evaluation, PhaseName, RunOutcome } from "./events.js";
import type { RecordedPlan } from "./plan.js";

/** What happened in a run and what was decided; equal runs have equal ones. */
export type JournalEntry =
  /** `functions`: policies that were functions of the caller's, by name; left out where there were none. */
  | { type: "plan"; plan: RecordedPlan; weightsSha256: string; functions?: readonly string[] }
  | {
      type: "stage-opened";
      stage: number;
      name: string;
      steps: number;
      reference: ReferenceAtOpen;
      /** Why the first step has the pairs that it has; empty when the plan lists them. */
      reason: string;
    }
  | {
      type: "decision";
      step: number;
      stage: number;
      loss: number;
      reason: string;
      /** Share of the policy in the moved reference; null: the reference stays. */
      moveReferenceAlpha: number | null;
      /** Name of the checkpoint; empty: none. */
      checkpoint: string;
      /** The next step's report holds the figures of the held-out pairs. */
      evaluateHeldOut: boolean;
      endStage: boolean;
      /** Ends the run before its plan does. */
      stop: boolean;
    }
  | { type: "checkpoint"; step: number; stage: number; name: string; weightsSha256: string }
  | { type: "stage-closed"; stage: number; steps: number; unusedPairs: number[] }
  /** The models are trained; what follows needs them alone. */
  | { type: "training-ended"; outcome: "completed" | "stopped"; reason: string; steps: number }
  /** Evaluation or page begins. */
  | { type: "phase-opened"; phase: Exclude<PhaseName, "training"> }
  /** The model of a stage was scored. */
  | ({ type: "evaluated" } & Evaluation)
  | { type: "page-written" }
  | { type: "ended"; outcome: RunOutcome; reason: string; steps: number }
  /** `pairs`: rows of the data set in the forward pass whose loss was not finite. */
  | { type: "failed"; reason: string; step: number; pairs: number[] };

/** How the run came through its faults; runs that end alike may differ in these. */
export type JournalNote =
  /** The whole training lies in `checkpoints/<name>`: the run can go on after this step. */
  | { type: "training-saved"; step: number; stage: number; name: string }
  /** The run went on after this step: what the journal says of later steps is void. */
  | { type: "resumed"; step: number }
  /** The run went on after its training: how it ended before this line is void. */
  | { type: "reopened" }
  /** From the resumption before this line on. */
  | { type: "micro-batch"; step: number; batchSize: number; gradientAccumulationSteps: number; reason: string };

/** A line of `journal.jsonl`. It holds no wall-clock time and no path inside the run's folder. */
export type JournalLine = JournalEntry | JournalNote;

/** The append-only record of a run. */
export interface Journal {
  /**
   * Resolves when readers see the line and, unless it is a decision, the disk has it with all before it. A decision
   * waits for the next line or for `sync`: whoever resumes begins at a saved training, whose line comes after the
   * decisions that led to it, and takes the later ones again.
   */
  write(line: JournalLine): Promise<void>;
  /** Resolves when the disk has every line. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** Opens the journal for appending. */
export async function openJournal(path: string): Promise<Journal> {
  const writer = await JsonlWriter.open(path);
  const write = async (line: JournalLine) => {
    await writer.append(line);
    if (line.type !== "decision") await writer.sync();
  };
  return { write, sync: () => writer.sync(), close: () => writer.close() };
}

/** A journal as it counts. */
export interface FoldedJournal {
  /** What happened, without what resumptions made void. */
  readonly entries: readonly JournalEntry[];
  /** Saved trainings that belong to it, oldest first; `entries` says how many entries stand before it. */
  readonly saved: readonly { readonly name: string; readonly step: number; readonly entries: number }[];
  /** The micro-batch in force; null: the plan's. */
  readonly microBatch: { readonly batchSize: number; readonly gradientAccumulationSteps: number } | null;
}

/** Folds away what resumptions made void. Every reader of a journal that asks what happened goes through this. */
export function foldJournal(lines: readonly JournalLine[]): FoldedJournal {
  let entries: JournalEntry[] = [];
  let saved: { name: string; step: number; entries: number }[] = [];
  let microBatch: FoldedJournal["microBatch"] = null;
  for (const line of lines) {
    if (line.type === "training-saved") {
      saved = saved.filter(({ step }) => step < line.step);
      saved.push({ name: line.name, step: line.step, entries: entries.length });
    } else if (line.type === "resumed") {
      saved = saved.filter(({ step }) => step <= line.step);
      // From the beginning only the plan stays.
      const at = saved.find(({ step }) => step === line.step)?.entries;
      entries = entries.slice(0, at ?? entries.findIndex(({ type }) => type === "plan") + 1);
    } else if (line.type === "reopened") {
      const trained = trainingEnd({ entries });
      entries = entries.filter(({ type }) => type !== "ended" && type !== "failed" && type !== "training-ended");
      if (trained !== null) entries.push(trained);
    } else if (line.type === "micro-batch") {
      const { batchSize, gradientAccumulationSteps } = line;
      microBatch = { batchSize, gradientAccumulationSteps };
    } else {
      entries.push(line);
    }
  }
  return { entries, saved, microBatch };
}

/** How the training ended; null while it has not. */
export function trainingEnd({ entries }: Pick<FoldedJournal, "entries">): TrainingEnd | null {
  for (const entry of entries) {
    if (entry.type === "training-ended") return entry;
    // Written by a version whose runs ended with their training.
    if (entry.type === "ended" && (entry.outcome === "completed" || entry.outcome === "stopped")) {
      return { ...entry, type: "training-ended", outcome: entry.outcome };
    }
  }
  return null;
}

type TrainingEnd = Extract<JournalEntry, { type: "training-ended" }>;

/** The lines of a journal up to the first that cannot be read. */
export interface JournalLines {
  readonly lines: readonly JournalLine[];
  /** Number of the damaged line; null when there is none. A torn last line is no damage: its writer was killed. */
  readonly damagedLine: number | null;
}

/** Reads a journal's lines; none when there is no journal. */
export async function readJournalLines(path: string): Promise<JournalLines> {
  const lines: JournalLine[] = [];
  try {
    for await (const line of readJsonl<JournalLine>(path)) lines.push(line);
  } catch (error) {
    if (error instanceof DamagedLineError) return { lines, damagedLine: error.line };
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  return { lines, damagedLine: null };
}

/**
 * Reads what happened in a run, resumptions folded away.
 *
 * @throws DamagedLineError when a line before the last is damaged.
 */
export async function readJournal(path: string): Promise<readonly JournalEntry[]> {
  const lines: JournalLine[] = [];
  for await (const line of readJsonl<JournalLine>(path)) lines.push(line);
  return foldJournal(lines).entries;
}
