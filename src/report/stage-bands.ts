import type { Band } from "./charts/frame.js";
import type { TrainedStage } from "./report-data.js";

/** Stages as stretches of the axis of optimiser steps. */
export function stageBands(stages: readonly TrainedStage[]): Band[] {
  return stages.map(({ name, firstStep, lastStep }) => ({ from: firstStep - 1, to: lastStep, name }));
}
