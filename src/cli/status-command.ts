import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../errors.js";
import type { RunDescription } from "../run/read-run.js";
import { evaluationText } from "../run-file/follow-run.js";
import { openRun } from "../run-file/start-run.js";
import { SETTINGS_FILE, typed } from "../run-file/settings-folder.js";

/** `scpo status`: says where a run stands, or all runs of a folder. */
export async function status(directory: string | undefined, options: { runs: string; json: boolean }): Promise<void> {
  const directories = directory === undefined ? await runsIn(options.runs) : [directory];
  const found: RunDescription[] = [];
  for (const each of directories) {
    try {
      found.push(await (await openRun(each)).describe());
    } catch (error) {
      // One run that cannot be read hides no other.
      if (directory !== undefined || !(error instanceof UserError)) throw error;
      process.stderr.write(`scpo: ${error.message}\n`);
    }
  }
  if (options.json) {
    process.stdout.write(`${JSON.stringify(directory === undefined ? found : found[0], null, 2)}\n`);
  } else if (found.length === 0) {
    process.stdout.write(`no runs in ${typed(options.runs)}\n`);
  } else {
    process.stdout.write(directory === undefined ? table(found) : details(found));
  }
}

/** `scpo cancel` and `scpo pause`: end a run, in whatever process it is. */
export async function stopRun(directory: string, how: "cancel" | "pause", reason: string | undefined): Promise<void> {
  const handle = await openRun(directory);
  if (how === "pause") await handle.pause();
  else await handle.cancel(reason);
  process.stdout.write(details([await handle.describe()]));
}

async function runsIn(folder: string): Promise<string[]> {
  if (!existsSync(folder)) return [];
  const names = await readdir(folder);
  return names
    .sort()
    .map((name) => join(folder, name))
    .filter((path) => existsSync(join(path, SETTINGS_FILE)));
}

function table(runs: readonly RunDescription[]): string {
  const rows = [["RUN", "STATUS", "STEP", "STAGE"], ...runs.map(row)];
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((cells) => cells[column]?.length ?? 0))) ?? [];
  const line = (cells: string[]) => cells.map((text, column) => text.padEnd(widths[column] ?? 0)).join("  ");
  return `${rows.map((cells) => line(cells).trimEnd()).join("\n")}\n`;
}

function row({ id, status: state, phase, step, plannedSteps, stage }: RunDescription): string[] {
  const shown = state === "RUNNING" && phase !== "training" ? `${state} (${phase})` : state;
  return [id, shown, `${step}/${plannedSteps}`, stage?.name ?? "-"];
}

function details(runs: readonly RunDescription[]): string {
  return runs
    .map((run) => {
      const { id, directory, status: state, reason, step, plannedSteps, stage, stages, seconds } = run;
      const lines = [
        `run ${id}: ${state}${reason === "" ? "" : ` (${reason})`}`,
        `folder: ${typed(directory)}`,
        `phase:  ${run.phase}`,
        `step:   ${step} of ${plannedSteps}${stage === null ? "" : `, stage ${stage.index + 1} of ${stages}, ${stage.name}`}`,
        `time:   ${seconds.toFixed(0)} s`,
      ];
      if (run.metrics !== null) lines.push(`loss:   ${run.metrics.loss.toPrecision(4)}`);
      const model = run.checkpoints.at(-1);
      if (model !== undefined) lines.push(`model:  ${typed(model.path)}`);
      for (const evaluation of run.evaluations) lines.push(evaluationText(evaluation));
      return `${lines.join("\n")}\n`;
    })
    .join("\n");
}
