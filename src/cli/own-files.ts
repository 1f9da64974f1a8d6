import { createReadStream } from "node:fs";
import { open, readdir, readFile, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { createInterface } from "node:readline";
import { readEvalResult } from "../evaluation/eval-result.js";
import { writeAtomically } from "../files/write-atomically.js";
import { exportSummaryPath } from "../pairs/export/export-pairs.js";
import { MADE_BY } from "../pairs/table.js";
import { openParquet } from "../pairs/parquet-rows.js";

/** What an output is, which decides how the program tells one that it made itself. */
export type OutputKind = "pairs" | "rows" | "quarantine" | "summary" | "result" | "chart" | "folder";

const CHART_END = Buffer.from(`<!-- ${MADE_BY} -->\n`);
/** What Parquet files of this program said of their maker before they bore its name. */
const EARLIER_MAKER = "hyparquet";
/** In a folder that the program fills, and that it may fill again. */
const FOLDER_MARK = `made-by-${MADE_BY}.json`;

/** A chart as it is written into a file of its own: with the mark by which {@link isOwn} knows it. */
export function markedChart(svg: string): string {
  return `${svg.trimEnd()}\n${CHART_END.toString()}`;
}

/**
 * Whether this program made what lies at a path.
 *
 * @param path - An existing file or folder.
 */
export async function isOwn(path: string, kind: OutputKind): Promise<boolean> {
  const status = await stat(path);
  if (kind !== "folder" && kind !== "rows" && !status.isFile()) return false;
  try {
    return await OWN[kind](path);
  } catch {
    // What cannot be read as what the program writes, it did not write.
    return false;
  }
}

const OWN: Readonly<Record<OutputKind, (path: string) => Promise<boolean>>> = {
  pairs: async (path) => (await openParquet(path)).metadata.created_by === MADE_BY,
  // Formats of others have no place for a mark.
  rows: async (path) => (await isEmptyFolder(path)) || (await isJsonWith(exportSummaryPath(path), "format")),
  quarantine: async (path) => typeof ((await firstLine(path)) as { reason?: unknown }).reason === "string",
  summary: async (path) => (await Promise.all(SUMMARY_FIELDS.map((field) => isJsonWith(path, field)))).includes(true),
  result: async (path) => (await readEvalResult(path)).benchmark !== "",
  chart: async (path) => (await lastBytes(path, CHART_END.length)).equals(CHART_END),
  folder: async (path) => {
    const names = await readdir(path);
    if (names.length === 0 || [FOLDER_MARK, "result.key", "study.json"].some((name) => names.includes(name)))
      return true;
    // An interrupted folder from before there were marks holds what was drawn.
    const drawn = names.filter((name) => /^base.*\.parquet$/.test(name)).map((name) => join(path, name));
    for (const name of names.includes("data") ? await readdir(join(path, "data")) : []) {
      if (name.endsWith(".parquet")) drawn.push(join(path, "data", name));
    }
    const makers = await Promise.all(drawn.map(async (file) => (await openParquet(file)).metadata.created_by));
    return makers.some((maker) => maker === MADE_BY || maker === EARLIER_MAKER);
  },
};

async function isEmptyFolder(path: string): Promise<boolean> {
  return (await stat(path)).isDirectory() && (await readdir(path)).length === 0;
}

const SUMMARY_FIELDS = ["read", "choices", "format"];

async function isJsonWith(path: string, field: string): Promise<boolean> {
  const content: unknown = JSON.parse(await readFile(path, "utf8"));
  return typeof content === "object" && content !== null && !Array.isArray(content) && field in content;
}

async function firstLine(path: string): Promise<unknown> {
  for await (const line of createInterface({ input: createReadStream(path) })) return JSON.parse(line);
  return {};
}

async function lastBytes(path: string, count: number): Promise<Buffer> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const { buffer } = await file.read(Buffer.alloc(count), 0, count, Math.max(0, size - count));
    return buffer;
  } finally {
    await file.close();
  }
}

/** Marks a folder as the program's; what was made before folders had marks is told by what lies in it. */
export async function markFolder(path: string): Promise<void> {
  await writeAtomically(join(path, FOLDER_MARK), `${JSON.stringify({ folder: basename(path) })}\n`);
}
