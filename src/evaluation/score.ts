import { createHash } from "node:crypto";
import { readdir, stat } from "node:fs/promises";
import { basename, join, relative } from "node:path";
import { UserError } from "../errors.js";
import { sha256File } from "../files/sha256.js";
import type { FileRow } from "../files/rows.js";
import { type Benchmark, type Mode, requireOptions, type Scored, type Scorer } from "./benchmark.js";
import { AnswerFile } from "./answers/read-answers.js";
import { findFile } from "./benchmark-files.js";
import type { EvalResult } from "./eval-result.js";
import type { Judge } from "./judge.js";
import { judgeWithoutReasoning, ReasoningAside, reasoningMarkers, THINK } from "./reasoning.js";
import { bootstrapSheet, intervals, RESAMPLES, SEED } from "./sheet-bootstrap.js";
import { unreadable } from "../files/text-file.js";

/** What is to be scored, and how. */
export interface ScoreRequest {
  benchmark: Benchmark;
  /** Folder of annotations: the user's checkout; "" for a benchmark whose answers carry their labels. */
  annotations: string;
  /** Answer file, or the folder of answer files of a benchmark that has one per task. */
  answers: string;
  /** The benchmark's default where absent. */
  mode?: Mode | undefined;
  /** Options of the benchmark's own. */
  options?: Readonly<Record<string, string>>;
  /** For judged benchmarks. */
  judge?: Judge | undefined;
  /** What stands around a model's reasoning, or "none"; see `reasoningMarkers`. */
  reasoning?: string | undefined;
  /** Which fields of the answers are what, `name=field`; see `mappedLayout`. */
  map?: readonly string[];
  /** Hears the number of rows read, now and then. */
  onProgress?: (rows: number) => void;
}

/** Rows between two calls of `onProgress`, unless a judge makes every row slow. */
const PROGRESS_EVERY = 500;

/** What an answer file came to, before any interval is made of it. */
export interface Counted {
  scored: Scored;
  scorer: Scorer;
  mode: Mode;
  /** Files of answers that were read. */
  files: readonly string[];
  /** Hints for the person who reads the figures. */
  notes: readonly string[];
}

/**
 * Counts an answer file.
 *
 * @param request - What, and how.
 * @throws UserError when something is missing or malformed, naming file, line and field.
 */
export async function count(request: ScoreRequest): Promise<Counted> {
  const { benchmark, annotations, answers, options = {} } = request;
  const mode = request.mode ?? benchmark.defaultMode;
  requireOptions(benchmark, options);
  const files = await answerFiles(benchmark, answers);
  const answerFile = new AnswerFile(benchmark, annotations, options, request.map ?? []);
  const markers = request.reasoning === undefined ? THINK : reasoningMarkers(request.reasoning);
  const judge =
    request.judge !== undefined && markers !== undefined && mode === "fixed"
      ? judgeWithoutReasoning(request.judge, markers)
      : request.judge;
  const scorer = await benchmark.open({ annotations, mode, options, ...(judge === undefined ? {} : { judge }) });
  const aside = new ReasoningAside(benchmark, mode, markers);
  await addAll(scorer, (file) => rowsOf(file, answerFile, aside), benchmark, files, request.onProgress);
  const scored = await scorer.finish();
  const notes = [...answerFile.notes(), ...aside.notes(), ...(scored.notes ?? [])];
  return { scored, scorer, mode, files, notes };
}

/**
 * Scores an answer file.
 *
 * @param request - What, and how.
 * @returns Figures with intervals, and all that is needed to trust and compare them.
 * @throws UserError when something is missing or malformed, naming file, line and field.
 */
export async function score(request: ScoreRequest): Promise<EvalResult> {
  const { scored, scorer, mode, files, notes } = await count(request);
  const { benchmark, annotations, reasoning } = request;
  const inputs = await hashInputs(request, files, scorer.inputs);
  return evalResult(benchmark.name, mode, scored, {
    inputs,
    settings: { ...scorer.settings, ...(reasoning === undefined ? {} : { reasoning }) },
    notes: [...notes, ...(await foreignFiles(benchmark, annotations, inputs))],
  });
}

/**
 * Makes a result of what a scorer left behind.
 *
 * @param benchmark - Its name.
 * @param mode - Of scoring.
 * @param scored - Counts and what follows from them.
 * @param origin - Where it came from; see `EvalResult`.
 */
export function evalResult(
  benchmark: string,
  mode: Mode,
  scored: Scored,
  origin: Pick<EvalResult, "inputs" | "settings" | "notes">,
): EvalResult {
  const { sheet, n } = scored;
  const figures = scored.figures(sheet.totals());
  const draws = bootstrapSheet(scored);
  const images = createHash("sha256");
  for (const unit of sheet.units.sort()) images.update(`${unit}\n`);
  return {
    benchmark,
    mode,
    n,
    metrics: Object.fromEntries(scored.metrics.map(({ name }) => [name, figures[name] ?? null])),
    interval: intervals(draws),
    ...origin,
    about: [...scored.metrics],
    bootstrap: {
      images: sheet.size,
      images_sha256: images.digest("hex"),
      resamples: RESAMPLES,
      seed: SEED,
      draws: Object.fromEntries(Object.entries(draws).map(([name, values]) => [name, values.map(rounded)])),
    },
  };
}

/** Six digits are plenty for a draw, and a file half as large. */
function rounded(draw: number | null): number | null {
  return draw === null ? null : Math.round(draw * 1e6) / 1e6;
}

async function answerFiles(benchmark: Benchmark, answers: string): Promise<string[]> {
  const found = await stat(answers).catch((cause: unknown) => {
    throw unreadable(answers, cause);
  });
  if (benchmark.answers !== "text-folder") {
    if (found.isDirectory()) throw new UserError(`${answers}: is a folder, expected the answer file`);
    if (!found.isFile()) throw new UserError(`${answers}: is no regular file; write the answers to a file first`);
    return [answers];
  }
  if (found.isFile()) return [answers];
  const names = (await readdir(answers)).filter((name) => name.endsWith(".txt")).sort();
  if (names.length === 0) throw new UserError(`${answers}: holds no .txt file, expected one per task`);
  return names.map((name) => join(answers, name));
}

async function addAll(
  scorer: Scorer,
  rowsOf: (file: string) => AsyncGenerator<FileRow>,
  benchmark: Benchmark,
  files: readonly string[],
  onProgress: ScoreRequest["onProgress"],
): Promise<void> {
  let rows = 0;
  const every = benchmark.judged ? 1 : PROGRESS_EVERY;
  for (const file of files) {
    const before = rows;
    for await (const row of rowsOf(file)) {
      const pending = scorer.add(row);
      if (pending !== undefined) await pending;
      rows += 1;
      if (rows % every === 0) onProgress?.(rows);
    }
    if (rows === before) throw new UserError(`${file}: is empty, expected answers`);
  }
  onProgress?.(rows);
}

/** Rows as they are scored: in the benchmark's own layout, without reasoning. */
async function* rowsOf(file: string, answerFile: AnswerFile, aside: ReasoningAside): AsyncGenerator<FileRow> {
  for await (const row of answerFile.rows(file)) yield aside.take(row);
}

async function hashInputs(
  { annotations, answers }: ScoreRequest,
  files: readonly string[],
  inputs: readonly string[],
): Promise<Record<string, string>> {
  const hashes: Record<string, string> = {};
  for (const path of new Set(inputs)) {
    const within = annotations === "" ? "" : relative(annotations, path);
    const name = within === "" || within.startsWith("..") ? basename(path) : within.replaceAll("\\", "/");
    hashes[`annotations/${name}`] = await sha256File(path);
  }
  for (const path of files) {
    const name = path === answers ? basename(path) : relative(answers, path);
    hashes[`answers/${name}`] = await sha256File(path);
  }
  return hashes;
}

/** Says which files are not those that the published figures belong to. */
async function foreignFiles(
  benchmark: Benchmark,
  annotations: string,
  inputs: Readonly<Record<string, string>>,
): Promise<string[]> {
  if (annotations === "") return [];
  const notes: string[] = [];
  for (const file of benchmark.files) {
    const found = file.sha256 === undefined ? null : await findFile(annotations, file);
    const hash =
      found === null ? undefined : inputs[`annotations/${relative(annotations, found).replaceAll("\\", "/")}`];
    if (hash === undefined || hash === file.sha256) continue;
    const { repository, revision } = benchmark.source;
    notes.push(`${file.path} is not that of revision ${revision} of ${repository}; compare only with the same file`);
  }
  return notes;
}
