import type { RunEvent } from "../run/events.js";
import type { RunHandle } from "../run/handle.js";
import { plannedSteps } from "../run/plan.js";
import type { PreparedRun } from "../run-file/start-run.js";
import type { StudyProgress } from "../study/progress.js";

/**
 * Shows the events of a run until it ends.
 *
 * @param after - Events up to this sequence number were shown before.
 */
export async function followRun(
  handle: RunHandle,
  { plan }: Pick<PreparedRun, "plan">,
  progress: StudyProgress,
  after: number,
): Promise<void> {
  const total = plan.stages.reduce((sum, stage) => sum + plannedSteps(plan, stage), 0);
  const stageName = (stage: number) => plan.stages[stage]?.name ?? `stage ${stage}`;
  for await (const { event } of handle.events({ after })) {
    if (event.type === "table") {
      progress.update(handle.id, `reference log-probs, ${stageName(event.stage)}`, event.done, event.total);
    } else if (event.type === "step") {
      const { step, stage } = event.report;
      progress.update(handle.id, `steps, ${stageName(stage)}`, step, Math.max(total, step));
    } else {
      const text = noteOf(event);
      if (text !== null) progress.note(`${handle.id}: ${text}`);
    }
  }
}

/** What is worth a line of its own; null for what the bar shows. */
function noteOf(event: Exclude<RunEvent, { type: "table" | "step" }>): string | null {
  switch (event.type) {
    case "resumed":
      return `goes on after step ${event.step}${event.reason === "" ? "" : `: ${event.reason}`}`;
    case "reference-moved":
      return `step ${event.step}: reference moved (alpha ${event.alpha}): ${event.reason}`;
    case "checkpoint":
      return `step ${event.step}: saved ${event.name}`;
    case "checkpoint-damaged":
      return `checkpoint ${event.name} is damaged (${event.reason}); the one before is used`;
    case "file-damaged":
      return `${event.file} is damaged: ${event.reason}`;
    case "trainer-exited":
      return `${event.reason}\nrestart ${event.restart} of ${event.limit} in ${event.delaySeconds} s`;
    case "micro-batch-halved":
      return `step ${event.step}: ${event.reason}; batches of ${event.batchSize}, accumulated ${event.gradientAccumulationSteps} times`;
    case "started":
    case "stage-opened":
    case "stage-closed":
    case "training-saved":
    case "ended":
    case "failed":
      return null;
  }
}
