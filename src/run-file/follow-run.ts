import type { Evaluation, RunEvent } from "../run/log/entries.js";
import type { RunHandle } from "../run/handle.js";
import { plannedSteps } from "../run/plan.js";
import type { PreparedRun } from "./start-run.js";
import type { Progress } from "../progress/progress.js";

/**
 * Shows the events of a run until it ends.
 *
 * @param after - Events up to this sequence number were shown before.
 */
export async function followRun(
  handle: RunHandle,
  { plan }: Pick<PreparedRun, "plan">,
  progress: Progress,
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
    } else if (event.type === "evaluation-progress") {
      const { stage, benchmark, what, done, total: all } = event;
      progress.update(handle.id, `${benchmark} after ${stageName(stage)}: ${what}`, done, all);
    } else {
      const note = NOTES[event.type] as ((event: RunEvent) => string) | undefined;
      if (note !== undefined) progress.note(`${handle.id}: ${note(event)}`);
    }
  }
}

/** What is worth a line of its own; the bar shows the rest. */
const NOTES: { readonly [Type in RunEvent["type"]]?: (event: Extract<RunEvent, { type: Type }>) => string } = {
  started: ({ trainableParameters, dtypes }) => `${trainableParameters} parameters to train${dtypesText(dtypes)}`,
  resumed: ({ step, reason }) => `goes on after step ${step}${reason === "" ? "" : `: ${reason}`}`,
  "reference-moved": ({ step, alpha, reason }) => `step ${step}: reference moved (alpha ${alpha}): ${reason}`,
  checkpoint: ({ step, name }) => `step ${step}: saved ${name}`,
  "checkpoint-damaged": ({ name, reason }) => `${name} is damaged (${reason}); the one before is used`,
  "file-damaged": ({ file, reason }) => `${file} is damaged: ${reason}`,
  "trainer-exited": ({ reason, restart, limit, delaySeconds }) =>
    `${reason}\nrestart ${restart} of ${limit} in ${delaySeconds} s`,
  "evaluation-finished": (evaluation) => evaluationText(evaluation),
  "micro-batch-halved": ({ step, reason, batchSize, gradientAccumulationSteps: passes }) =>
    `step ${step}: ${reason}; from here on ${passes} passes of ${batchSize} pairs`,
};

function dtypesText({ stored, weights, autocast }: Extract<RunEvent, { type: "started" }>["dtypes"]): string {
  const before = stored === weights ? "" : `, stored in ${stored}`;
  return `${before}, trained and saved in ${weights}${autocast === "" ? "" : `, computed in ${autocast}`}`;
}

/** What a model scored, in a line. */
export function evaluationText({ stage, benchmark, figures }: Evaluation, name = `stage ${stage}`): string {
  const shown = Object.entries(figures).map(([figure, value]) => `${figure} ${value?.toPrecision(4) ?? "none"}`);
  return `${benchmark} after ${name}: ${shown.join(", ")}`;
}
