import { spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { logTail } from "../../files/log-tail.js";
import { UserError } from "../../errors.js";
import { makeFolder } from "../../files/writable.js";

/** What lmms-eval is asked to do. */
export interface LmmsEvalRequest {
  /** Its command: a path, or a name on the PATH. */
  command: string;
  /** lmms-eval's name of the kind of model, for example `llava_hf`. */
  modelType: string;
  /** Folder of the model, or its name on a hub. */
  model: string;
  /** Further arguments of the model, `name=value` each. */
  modelArgs: readonly string[];
  /** Names of tasks or groups. */
  tasks: readonly string[];
  batchSize: number;
  /** Documents a task; all when absent. */
  limit?: number | undefined;
  /** Further arguments of the command, as they are. */
  extra: readonly string[];
  /** Folder for its results, samples and log. */
  out: string;
}

/** Steps of its progress bars: "12/100 [". */
const STEP = /(\d+)\/(\d+) \[/g;

const RESULTS = "_results.json";

/**
 * Runs lmms-eval as a process of its own and waits for its end.
 *
 * @param onProgress - Hears the steps of its progress bars.
 * @param signal - Ends the process.
 * @returns Paths of the results files that this run wrote.
 * @throws UserError when there is no such command, it fails, or it leaves no results: it may end well and yet have
 *   failed.
 */
export async function runLmmsEval(
  request: LmmsEvalRequest,
  onProgress: (done: number, total: number) => void,
  signal: AbortSignal,
): Promise<string[]> {
  const { command, out } = request;
  await makeFolder(out);
  const before = new Set(await resultsFiles(out));
  const logPath = join(out, "lmms-eval.log");
  const code = await finished(command, lmmsEvalArguments(request), logPath, onProgress, signal);
  const written = (await resultsFiles(out)).filter((path) => !before.has(path));
  if (code === 0 && written.length > 0) return written;
  const how = code === 0 ? "wrote no results" : `ended with code ${code}`;
  const last = logTail(logPath).trimEnd().split("\n").at(-1)?.trim() ?? "";
  throw new UserError(`lmms-eval ${how}: ${last === "" ? "it said nothing" : last.slice(0, 300)} (log: ${logPath})`);
}

/**
 * The command line of lmms-eval for a request.
 *
 * @throws UserError when the model's path cannot stand in its arguments.
 */
export function lmmsEvalArguments(request: LmmsEvalRequest): string[] {
  const { model, modelType, modelArgs, tasks, batchSize, limit, extra, out } = request;
  if (/[,=]/.test(model)) {
    throw new UserError(
      `model: found ${model}, expected a path without "," and "=", which lmms-eval splits at: link it`,
    );
  }
  return [
    ...["--model", modelType],
    ...["--model_args", [`pretrained=${model}`, ...modelArgs].join(",")],
    ...["--tasks", tasks.join(",")],
    ...["--batch_size", String(batchSize)],
    ...(limit === undefined ? [] : ["--limit", String(limit)]),
    ...["--output_path", out, "--log_samples"],
    ...extra,
  ];
}

async function finished(
  command: string,
  args: readonly string[],
  logPath: string,
  onProgress: (done: number, total: number) => void,
  signal: AbortSignal,
): Promise<number | string> {
  const log = createWriteStream(logPath);
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], signal });
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (piece: Buffer) => {
      log.write(piece);
      const step = [...piece.toString("latin1").matchAll(STEP)].at(-1);
      if (step !== undefined) onProgress(Number(step[1]), Number(step[2]));
    });
  }
  try {
    // Its output is complete at "close", not at "exit".
    const [code, cause] = (await once(child, "close")) as [number | null, string | null];
    return code ?? cause ?? "unknown";
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "ENOENT" && (cause as NodeJS.ErrnoException).code !== "EACCES")
      throw cause;
    throw new UserError(
      `lmms-eval: found no program ${command}, expected lmms-eval: install it in an environment of its own ` +
        "(pip install lmms-eval) and name it with --lmms-eval or SCPO_LMMS_EVAL",
    );
  } finally {
    log.end();
    await once(log, "close");
  }
}

async function resultsFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && entry.name.endsWith(RESULTS))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}
