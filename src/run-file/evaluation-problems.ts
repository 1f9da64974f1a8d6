import { existsSync } from "node:fs";
import { access, constants, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { UserError } from "../errors.js";
import { requireImages } from "../evaluation/run/images.js";
import { readQuestions } from "../evaluation/run/questions.js";
import { type FoldedLog, foldLog } from "../run/log/fold.js";
import { readFolded } from "../run/log/read.js";
import { runPaths } from "../run/run-files.js";
import { EvaluationPhase } from "./evaluation.js";
import { type AskedBenchmark, askedBenchmarks } from "./evaluation-task.js";
import type { FieldPath } from "./position.js";
import type { LocatedProblem } from "./problems.js";
import type { NamedRunSettings, ReadSettings } from "./read.js";

/** Finds what is wrong with the files that an evaluation needs. */
export type FindEvaluationProblems = (
  settings: NamedRunSettings["evaluation"],
  wanted: ReadonlySet<string>,
) => Promise<LocatedProblem[]>;

/**
 * Looks at everything that an evaluation needs, so that a run does not train for hours towards files that are not there:
 * annotations that can be read and are complete, the images that are asked about, the scenes, a folder to write to.
 *
 * @param read - Checked settings.
 * @param run - The run's folder, of whose evaluation only what is missing is looked at; left out where there is none yet.
 * @param find - How the files are looked at; here and now where it is left out.
 * @throws SettingsError that names every field.
 */
export async function requireEvaluation(
  { settings, refusal }: ReadSettings,
  run?: string,
  find: FindEvaluationProblems = evaluationProblems,
): Promise<void> {
  const phase = new EvaluationPhase(run ?? "", settings);
  const wanted = await phase.wanted(run === undefined ? NOTHING_YET : await readFolded(runPaths(run).log));
  const problems = await find(settings.evaluation, wanted);
  if (run !== undefined && wanted.size > 0) {
    const description = await folderMistake(join(run, "evaluation"));
    if (description !== null) problems.push({ path: ["evaluation"], isName: false, description });
  }
  if (problems.length > 0) throw refusal(problems);
}

const NOTHING_YET: FoldedLog = foldLog([]);

/**
 * Looks at the files that an evaluation needs.
 *
 * @param wanted - Names of the benchmarks that count.
 * @param onField - Hears of each field before its files are looked at.
 * @returns What is wrong with each.
 */
export async function evaluationProblems(
  settings: NamedRunSettings["evaluation"],
  wanted: ReadonlySet<string>,
  onField: (path: FieldPath) => void = () => undefined,
): Promise<LocatedProblem[]> {
  const problems: LocatedProblem[] = [];
  const add = (description: string | null, ...path: FieldPath) => {
    if (description !== null) problems.push({ path: ["evaluation", ...path], isName: false, description });
  };
  const all = askedBenchmarks(settings);
  for (const [at, asked] of all.entries()) {
    const { name, imageColumn } = asked.benchmark;
    // Of scenes the annotations are all that is named.
    const pathOf = (field: string): FieldPath => [...asked.field, ...(imageColumn === undefined ? [field] : [])];
    if (all.findIndex(({ benchmark }) => benchmark.name === name) < at) {
      add(`found "${name}" a second time, expected each benchmark once`, ...pathOf("benchmark"));
    } else if (wanted.has(name)) {
      const [field, description] = await benchmarkMistake(asked, (field) => onField(["evaluation", ...pathOf(field)]));
      add(description, ...pathOf(field));
    }
  }
  return problems;
}

async function benchmarkMistake(
  asked: AskedBenchmark,
  onField: (name: string) => void,
): Promise<[field: string, description: string | null]> {
  const { benchmark, annotations, images, sample } = asked;
  onField("annotations");
  const mode = asked.mode ?? benchmark.defaultMode;
  const scoring = await mistake(() => benchmark.open({ annotations, mode, options: {} }));
  if (scoring !== null) return ["annotations", scoring];
  const all = await mistake(() => readQuestions(benchmark, annotations));
  if (all !== null) return ["annotations", all];
  const some = await mistake(() => readQuestions(benchmark, annotations, sample));
  if (some !== null) return ["sample", some.replace(/^sample: /, "")];
  if (images === undefined) return ["annotations", null];
  const { prompts } = await readQuestions(benchmark, annotations, sample);
  onField("images");
  return ["images", (await mistake(() => requireImages(prompts, images)))?.replace(/^images: /, "") ?? null];
}

/** What a piece of work says of the user's files; null when it finds nothing wrong. */
async function mistake(work: () => Promise<unknown>): Promise<string | null> {
  try {
    await work();
    return null;
  } catch (error) {
    if (error instanceof UserError) return error.message;
    throw error;
  }
}

async function folderMistake(folder: string): Promise<string | null> {
  let path = folder;
  while (!existsSync(path)) path = dirname(path);
  const isFolder = (await stat(path)).isDirectory();
  if (!isFolder) return `found the file ${path}, expected a folder for the results: remove it`;
  return access(path, constants.W_OK).then(
    () => null,
    () => `may not write the results to ${path}, expected a folder of yours: change its rights`,
  );
}
