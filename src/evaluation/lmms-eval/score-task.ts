import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { basename } from "node:path";
import { UserError } from "../../errors.js";
import { sha256File } from "../../files/sha256.js";
import type { Mode } from "../benchmark.js";
import type { EvalResult } from "../eval-result.js";
import { evalResult } from "../score.js";
import { TallySheet } from "../tally-sheet.js";
import { amberTask } from "./amber-task.js";
import { cvBenchTask } from "./cv-bench-task.js";
import { meanTask } from "./mean-task.js";
import { naturalBenchTask } from "./natural-bench-task.js";
import { popeTask } from "./pope-task.js";
import { printedFigures, readSamples, type ResultsFile, type Sample, samplesPath } from "./results-file.js";
import type { Task, TaskScored, TaskScorer } from "./task-scorer.js";

/** Families with a defect of lmms-eval's that the samples let us mend. */
const FAMILIES: readonly TaskScorer[] = [popeTask, amberTask, cvBenchTask, naturalBenchTask];

/** Printed and recomputed figures agree when they do to this part. */
const TOLERANCE = 1e-6;

/**
 * Reads a task of a results file of lmms-eval as a result of ours.
 *
 * @param file - As `readResultsFile` gives it.
 * @param name - One of its tasks.
 * @param mode - `strict`: as lmms-eval prints; `fixed`: without its known defects.
 * @throws UserError when the samples are malformed.
 */
export async function scoreTask(file: ResultsFile, name: string, mode: Mode): Promise<EvalResult> {
  const path = samplesPath(file, name);
  const logged = existsSync(path);
  const samples = logged ? await readSamples(path) : [];
  const task: Task = {
    name,
    printed: printedFigures(file, name),
    higherIsBetter: file.content.higher_is_better[name] ?? {},
    samples,
  };
  const scored = logged ? named(path, () => scoredOf(task, mode)) : nothing();
  const { model, model_args: modelArgs } = file.content.config;
  // No setting: results of two models are there to be compared.
  const notes = [
    `model: ${text(model)}, ${text(modelArgs)}`,
    ...scored.notes,
    ...(logged ? [] : [`${basename(path)} is missing: no intervals, nothing mended`]),
  ];
  const inputs = {
    ...(logged
      ? { "annotations/documents": hashDocuments(samples), [`answers/${basename(path)}`]: await sha256File(path) }
      : {}),
    [`answers/${basename(file.path)}`]: await sha256File(file.path),
  };
  const result = evalResult(`lmms-eval/${name}`, mode, scored, { inputs, settings: settingsOf(file, name), notes });
  if (!logged) delete result.bootstrap;
  const n = logged ? samples.length : (file.content["n-samples"][name]?.effective ?? 0);
  return withPrinted({ ...result, n }, task);
}

function scoredOf(task: Task, mode: Mode): TaskScored {
  const family = FAMILIES.find((one) => one.knows(task));
  if (family === undefined) return meanTask.score(task, mode);
  const disagreement = firstDisagreement(task, family.score(task, "strict"));
  if (disagreement === undefined) return family.score(task, mode);
  const scored = meanTask.score(task, mode);
  return {
    ...scored,
    notes: [`${disagreement}; another version of lmms-eval? figures are as it printed them, defects not mended`],
  };
}

/** What the samples give must be what lmms-eval printed, before anything is mended. */
function firstDisagreement({ printed }: Task, scored: TaskScored): string | undefined {
  const figures = scored.figures(scored.sheet.totals());
  for (const [name, figure] of printed) {
    const given = figures[name];
    if (figure === null || given === undefined || given === null) continue;
    const agrees = [1, 100].some(
      (scale) => Math.abs(given - figure * scale) <= TOLERANCE * Math.max(1, Math.abs(given)),
    );
    if (!agrees) return `the samples give ${name} ${given.toFixed(4)}, the results print ${figure}`;
  }
  return undefined;
}

/** Adds the figures that do not follow from the samples, as they were printed and without an interval. */
function withPrinted(result: EvalResult, { printed, higherIsBetter }: Task): EvalResult {
  const added = [...printed].filter(([name, figure]) => figure !== null && !Object.hasOwn(result.metrics, name));
  if (added.length === 0) return result;
  const names = added.map(([name]) => name);
  return {
    ...result,
    metrics: { ...result.metrics, ...Object.fromEntries(added) },
    interval: { ...result.interval, ...Object.fromEntries(names.map((name) => [name, null])) },
    about: [
      ...result.about,
      ...names.map((name) => ({
        name,
        title: "as lmms-eval prints it",
        better:
          higherIsBetter[name] === false
            ? ("lower" as const)
            : higherIsBetter[name] === true
              ? ("higher" as const)
              : ("neither" as const),
        digits: 2,
      })),
    ],
    notes: [...result.notes, `no interval for ${names.join(", ")}: no mean of what the samples note`],
  };
}

function nothing(): TaskScored {
  return { sheet: new TallySheet(), n: 0, metrics: [], figures: () => ({}), notes: [] };
}

function settingsOf({ content }: ResultsFile, name: string): Record<string, string> {
  const { config, versions, lmms_eval_version: version } = content;
  const settings: Record<string, unknown> = {
    "lmms-eval": version,
    "task version": versions[name],
    limit: config.limit,
    "generation settings": config.gen_kwargs,
  };
  return Object.fromEntries(
    Object.entries(settings)
      .filter(([, value]) => value !== undefined && value !== null && value !== "")
      .map(([key, value]) => [key, text(value)]),
  );
}

function text(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value ?? null);
}

/** Two results are about the same questions when lmms-eval's hashes of the documents are the same. */
function hashDocuments(samples: readonly Sample[]): string {
  const hash = createHash("sha256");
  const ordered = [...samples].sort((a, b) => a.doc_id - b.doc_id);
  for (const { doc_id: id, doc_hash: document } of ordered) hash.update(`${JSON.stringify([id, document])}\n`);
  return hash.digest("hex");
}

function named<T>(path: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw error instanceof UserError ? new UserError(`${path}: ${error.message}`) : error;
  }
}
