import { existsSync } from "node:fs";
import { join } from "node:path";
import type { RunHandle } from "../run/handle.js";
import type { RunSummary } from "../run/read-run.js";
import { evaluationText, followRun } from "../run-file/follow-run.js";
import type { Listen } from "../run-file/read.js";
import { typed } from "../run-file/settings-folder.js";
import {
  openRun,
  prepareRun,
  type PreparedRun,
  prepareResumption,
  resumePrepared,
  startPrepared,
} from "../run-file/start-run.js";
import { PAGE_FILE } from "../run-file/run-page.js";
import { showProgress } from "../progress/progress.js";

/** Exit status after Ctrl-C, as shells expect it. */
const INTERRUPTED = 130;

/** `scpo train`: starts a run and follows it to its end. */
export async function train(
  path: string,
  options: { runs: string; id?: string; dryRun: boolean; json: boolean; signal: AbortSignal },
): Promise<void> {
  const run = await prepareRun(path, options);
  process.stderr.write(`run ${run.resolved.id} in ${typed(run.directory)}\n${run.text}\n`);
  if (options.dryRun) return;
  await toItsEnd(run, () => startPrepared(run), { ...options, after: 0 });
}

/** `scpo direct`: waits for a training that somebody else starts, and directs it to its end. */
export async function direct(path: string, options: Parameters<typeof train>[1] & { listen: Listen }): Promise<void> {
  const log = (line: string) => process.stderr.write(`scpo direct: ${line}\n`);
  const { signal } = options;
  const run = await prepareRun(path, { ...options, log });
  process.stderr.write(`run ${run.resolved.id} in ${typed(run.directory)}\n${run.text}\n`);
  if (options.dryRun) return run.door?.close("the director was asked for the plan alone (--dry-run)");
  await toItsEnd(run, () => startPrepared(run, { log }), { ...options, signal, after: 0 });
}

/** `scpo resume`: resumes a run and follows it to its end. */
export async function resume(directory: string, options: { json: boolean; signal: AbortSignal }): Promise<void> {
  const run = await prepareResumption(directory);
  const { lastSequence } = await (await openRun(directory)).describe();
  const log = (line: string) => process.stderr.write(`scpo resume: ${line}\n`);
  await toItsEnd(run, () => resumePrepared(run, { log }), { ...options, after: lastSequence });
}

async function toItsEnd(
  run: PreparedRun,
  begin: () => Promise<RunHandle>,
  options: { json: boolean; signal: AbortSignal; after: number },
): Promise<void> {
  const progress = showProgress();
  const { signal } = options;
  const again = `scpo resume ${typed(run.directory)}`;
  let begun = false;
  try {
    const handle = await begin();
    begun = true;
    // Whoever presses Ctrl-C wants to go on later: the step under way is saved.
    const pause = () => {
      progress.note(`the step under way is saved; Ctrl-C again ends at once; to go on, either way: ${again}`);
      void handle.pause().catch((error: Error) => progress.note(error.message));
    };
    if (signal.aborted) pause();
    else signal.addEventListener("abort", pause, { once: true });
    await followRun(handle, run, progress, options.after);
    const summary = await handle.result();
    progress.close();
    process.stdout.write(options.json ? `${JSON.stringify(summary, null, 2)}\n` : summaryText(run, summary));
    if (summary.outcome === "paused" && !signal.aborted) process.stderr.write(`to go on: ${again}\n`);
    if (signal.aborted) process.exitCode = INTERRUPTED;
  } catch (error) {
    progress.close();
    if (begun) process.stderr.write(`scpo: once what follows is mended: ${again}\n`);
    throw error;
  } finally {
    progress.close();
  }
}

function summaryText({ resolved, directory }: PreparedRun, summary: RunSummary): string {
  const reason = summary.reason === "" ? "" : ` (${summary.reason})`;
  const lines = [`run ${resolved.id}: ${summary.outcome} after ${summary.steps} steps${reason}`];
  const model = summary.checkpoints.at(-1)?.path;
  if (model !== undefined) lines.push(`model: ${typed(model)}`);
  for (const evaluation of summary.evaluations) {
    lines.push(evaluationText(evaluation, resolved.stages[evaluation.stage]?.name));
  }
  const page = join(directory, PAGE_FILE);
  if (existsSync(page)) lines.push(`page:  ${typed(page)}`);
  return `${lines.join("\n")}\n`;
}
