import type { StepReport } from "../generated/scpo/v1/trainer.js";
import type { ReferenceAtOpen } from "../reference/reference.js";

/** How a run ended: as planned, by a policy's decision, or by the caller's signal. */
export type RunOutcome = "completed" | "stopped" | "cancelled";

/** What happens in a run, in the order in which it happens. */
export type RunEvent =
  | { type: "started"; name: string; stages: { name: string; steps: number }[]; trainableParameters: number }
  /** Reference log-probabilities of `done` of `total` pairs are computed; comes before `stage-opened`. */
  | { type: "table"; stage: number; done: number; total: number }
  | {
      type: "stage-opened";
      stage: number;
      name: string;
      /** Planned optimiser steps. */
      steps: number;
      reference: ReferenceAtOpen;
      tableSeconds: number;
    }
  | { type: "step"; report: StepReport }
  | { type: "reference-moved"; stage: number; step: number; alpha: number; reason: string }
  | { type: "checkpoint"; stage: number; step: number; name: string; path: string; weightsSha256: string }
  | { type: "stage-closed"; stage: number; steps: number; unusedPairs: number[] }
  | { type: "ended"; outcome: RunOutcome; reason: string; steps: number; seconds: number };
