import { existsSync } from "node:fs";
import { open } from "node:fs/promises";
import { dirname } from "node:path";
import type { Command, Option } from "commander";
import { UserError } from "../errors.js";
import { inputFolderOf, type NamedPath, refuseOverInputs } from "../files/outputs.js";
import { exportSummaryPath } from "../pairs/export/export-pairs.js";
import { imageFormat } from "../pairs/image-bytes.js";
import { isOwn, markFolder, type OutputKind } from "./own-files.js";
import { makeFolder, requireWritable } from "../files/writable.js";

/** An output of a command, and what it writes beside it. */
interface DeclaredOutput {
  readonly option: string;
  /** Left out: the command looks itself, since only it knows what it will write. */
  readonly kind?: OutputKind;
  readonly beside?: (path: string) => readonly { path: string; kind: OutputKind }[];
}

const quarantineOf = (path: string) => ({ path: `${path}.quarantine.jsonl`, kind: "quarantine" as const });
const summary = (path: string) => ({ path, kind: "summary" as const });
const folder: DeclaredOutput = { option: "out", kind: "folder" };

/** Every option that names an output, by command. */
const OUTPUTS: Readonly<Record<string, DeclaredOutput>> = {
  demo: folder,
  study: folder,
  base: folder,
  simulate: { option: "out", kind: "chart" },
  "eval score": { option: "out", kind: "result" },
  "eval run": { option: "out" },
  "eval lmms": { option: "out" },
  "eval compare": { option: "plot", kind: "chart" },
  "pairs import": {
    option: "out",
    kind: "pairs",
    beside: (out) => [quarantineOf(out), summary(`${out}.import.json`)],
  },
  "pairs complete": {
    option: "out",
    kind: "pairs",
    beside: (out) => [quarantineOf(out), summary(`${out}.complete.json`)],
  },
  "pairs score": { option: "out", kind: "pairs", beside: (out) => [summary(`${out}.score.json`)] },
  "pairs grade": { option: "out", kind: "pairs", beside: (out) => [summary(`${out}.grade.json`)] },
  "pairs filter": { option: "out", kind: "pairs", beside: (out) => [summary(`${out}.filter.json`)] },
  "pairs apply": { option: "out", kind: "pairs" },
  "pairs export": { option: "out", kind: "rows", beside: (out) => [summary(exportSummaryPath(out))] },
};

/**
 * Looks at what lies where a command is to write.
 *
 * @param command - As it was called.
 * @param name - Its name below `scpo`.
 * @param option - The option that names its output.
 * @throws UserError when the command reads what lies there, or this program did not make it.
 */
export async function checkOutput(command: Command, name: string, option: Option): Promise<void> {
  const declared = OUTPUTS[name];
  if (declared?.option !== option.attributeName()) throw new Error(`${name} ${option.flags}: unknown output`);
  const values: Record<string, unknown> = command.opts();
  const path = values[declared.option];
  if (typeof path !== "string") return;
  const flag = option.long ?? option.flags;
  const beside = declared.beside?.(path) ?? [];
  const outputs: NamedPath[] = [path, ...beside.map((other) => other.path)].map((each) => ({ flag, path: each }));
  const inputs = inputsOf(command, option);
  await refuseOverInputs(outputs, inputs);
  const folders = inputs.map((input) => ({ ...input, path: dirname(input.path) }));
  for (const [at, each] of outputs.entries()) {
    const kind = at === 0 ? declared.kind : "summary";
    await requireWritable(
      each.path,
      kind === undefined || kind === "rows" ? undefined : kind === "folder" ? kind : "file",
    );
  }
  const made = [...(declared.kind === undefined ? [] : [{ path, kind: declared.kind }]), ...beside];
  for (const { path: each, kind } of made) {
    if (!existsSync(each) || (await isOwn(each, kind))) continue;
    const within =
      (await inputFolderOf(each, inputs)) ??
      // Rows name images that lie beside them.
      (name === "pairs import" && (await isImage(each)) ? await inputFolderOf(each, folders) : undefined);
    if (within !== undefined) {
      throw new UserError(`${flag}: ${each} is a file of ${within.path} (${within.flag}), which is read; name another`);
    }
    if (values["force"] !== true) throw foreign(flag, each);
  }
  if (declared.kind === "folder") {
    await makeFolder(path);
    await markFolder(path);
  }
}

async function isImage(path: string): Promise<boolean> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(16), 0, 16, 0);
    return imageFormat(buffer.subarray(0, bytesRead)) !== null;
  } catch {
    return false;
  } finally {
    await file.close();
  }
}

/** The refusal of what the program did not make. */
export function foreign(flag: string, path: string): UserError {
  return new UserError(
    `${flag}: ${path} exists and scpo did not make it, expected nothing there or what scpo made: name another, or ` +
      "give --force to write over it",
  );
}

/** Everything else on the command line that names something: what a command reads, among it. */
function inputsOf(command: Command, output: Option): NamedPath[] {
  const found: NamedPath[] = [];
  const add = (flag: string, value: unknown): void => {
    for (const path of Array.isArray(value) ? (value as unknown[]) : [value]) {
      if (typeof path === "string" && path !== "") found.push({ flag, path });
    }
  };
  command.registeredArguments.forEach((argument, at) => add(`<${argument.name()}>`, command.processedArgs[at]));
  for (const option of command.options) {
    if (option !== output) add(option.long ?? option.flags, command.getOptionValue(option.attributeName()));
  }
  return found;
}
