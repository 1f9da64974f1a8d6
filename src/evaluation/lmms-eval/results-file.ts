import { parsePythonJson } from "../../files/python-json.js";
import { dirname, join } from "node:path";
import { z } from "zod";
import { UserError } from "../../errors.js";
import { textLines, readWhole } from "../../files/text-file.js";

/** What every results file holds; the rest is passed over. */
const schema = z.object({
  results: z.record(z.string(), z.record(z.string(), z.unknown())),
  configs: z.record(z.string(), z.unknown()),
  versions: z.record(z.string(), z.unknown()).default({}),
  higher_is_better: z.record(z.string(), z.record(z.string(), z.boolean().nullable())).default({}),
  "n-samples": z.record(z.string(), z.object({ original: z.number(), effective: z.number() })).default({}),
  config: z
    .object({
      model: z.unknown(),
      model_args: z.unknown(),
      limit: z.unknown(),
      gen_kwargs: z.unknown(),
    })
    .partial(),
  lmms_eval_version: z.unknown(),
});

/** A results file of lmms-eval. */
export interface ResultsFile {
  path: string;
  content: z.infer<typeof schema>;
  /** Names of its tasks; groups of tasks are not among them. */
  tasks: readonly string[];
}

/** A line of lmms-eval's samples: the document's number, the answer, and what each metric made of it. */
export interface Sample {
  doc_id: number;
  [metric: string]: unknown;
}

/** Figures of a task by metric, as lmms-eval prints them; null where it printed none. */
export type PrintedFigures = ReadonlyMap<string, number | null>;

const RESULTS_NAME = /results\.json$/;

/**
 * Reads a results file of lmms-eval.
 *
 * @param path - A file `<date>_results.json`.
 * @throws UserError when it is missing or something else.
 */
export async function readResultsFile(path: string): Promise<ResultsFile> {
  const text = (await readWhole(path)).toString("utf8");
  let content: z.infer<typeof schema>;
  try {
    content = schema.parse(parsePythonJson(text));
  } catch (error) {
    const issue = error instanceof z.ZodError ? error.issues[0] : undefined;
    const what = issue === undefined ? "is not JSON" : `field ${issue.path.join(".")}: ${issue.message}`;
    throw new UserError(`${path}: ${what}; expected the results file that lmms-eval writes to its output folder`);
  }
  return { path, content, tasks: Object.keys(content.configs).filter((task) => content.results[task] !== undefined) };
}

/**
 * The figures of a task.
 *
 * @param file - As `readResultsFile` gives it.
 * @param task - One of its tasks.
 * @returns By name of the metric; a metric of another filter than "none" is `metric (filter)`.
 */
export function printedFigures(file: ResultsFile, task: string): PrintedFigures {
  const figures = new Map<string, number | null>();
  for (const [key, value] of Object.entries(file.content.results[task] ?? {})) {
    const comma = key.lastIndexOf(",");
    if (comma === -1) continue;
    const [metric, filter] = [key.slice(0, comma), key.slice(comma + 1)];
    if (/_stderr(_clt|_clustered)?$/.test(metric)) continue;
    figures.set(filter === "none" ? metric : `${metric} (${filter})`, typeof value === "number" ? value : null);
  }
  return figures;
}

/** Path of a task's samples beside a results file. */
export function samplesPath(file: ResultsFile, task: string): string {
  const name = file.path.slice(dirname(file.path).length + 1);
  return join(dirname(file.path), name.replace(RESULTS_NAME, `samples_${task}.jsonl`));
}

/**
 * Reads the samples of a task.
 *
 * @param path - As `samplesPath` gives it.
 * @throws UserError naming the line that is no sample, or comes twice.
 */
export async function readSamples(path: string): Promise<Sample[]> {
  const samples: Sample[] = [];
  const seen = new Set<number>();
  for await (const { line, text } of textLines(path)) {
    if (text.trim() === "") continue;
    const sample = sampleOf(text);
    if (sample === undefined) {
      throw new UserError(`${path} line ${line}: found no sample with doc_id, expected what --log_samples writes`);
    }
    if (seen.has(sample.doc_id)) {
      throw new UserError(
        `${path} line ${line}: field doc_id is ${sample.doc_id} again; keep the samples of one filter and one run`,
      );
    }
    seen.add(sample.doc_id);
    samples.push(sample);
  }
  if (samples.length === 0) throw new UserError(`${path}: is empty, expected a sample a line`);
  return samples;
}

function sampleOf(text: string): Sample | undefined {
  try {
    const value = parsePythonJson(text) as Partial<Sample> | null;
    return Number.isSafeInteger(value?.doc_id) ? (value as Sample) : undefined;
  } catch {
    return undefined;
  }
}
