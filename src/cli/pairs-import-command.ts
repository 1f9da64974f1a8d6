import { stat } from "node:fs/promises";
import { UserError } from "../errors.js";
import { dirname } from "node:path";
import { EXPORTERS } from "../pairs/export/registry.js";
import { importFiles, importPairs, type ImportSummary } from "../pairs/import/import-pairs.js";
import { IMPORTERS, importerNamed } from "../pairs/import/registry.js";
import { showProgress } from "../progress/progress.js";

/** What `scpo pairs import` was given. */
export interface PairsImportOptions {
  readonly source: string;
  readonly from: string;
  readonly out: string;
  readonly images: readonly string[];
  readonly prompt: string;
  readonly dataset?: string;
  readonly dropSystem: boolean;
  readonly ignore: readonly string[];
  /** "theirs=ours". */
  readonly map: readonly string[];
  readonly split?: string;
  readonly json: boolean;
  readonly signal: AbortSignal;
}

/** Imports pairs and says what came of it. */
export async function pairsImport(options: PairsImportOptions): Promise<void> {
  const { source, out, images, prompt, dataset, dropSystem, ignore, split, signal } = options;
  const importer = importerNamed(options.from);
  const folder = (await stat(source).catch(() => null))?.isDirectory() ? source : dirname(source);
  const progress = showProgress();
  let summary: ImportSummary;
  try {
    summary = await importPairs({
      importer,
      source,
      out,
      settings: {
        imageFolders: [...images, folder],
        prompt,
        dataset,
        dropSystem,
        ignore,
        map: mapOf(options.map),
        split,
      },
      signal,
      onProgress: (read) => {
        if (read > 0 && read % 1000 === 0) progress.update("import", "pairs read", read, read);
      },
    });
  } finally {
    progress.close();
  }
  process.stdout.write(options.json ? `${JSON.stringify(summary, null, 2)}\n` : lines(summary, out));
}

function lines(summary: ImportSummary, out: string): string {
  const { read, written, quarantined, withoutRejected, withoutRejectedImages, faults } = summary;
  const text = [`read ${read} pairs = ${written} written to ${out} + ${quarantined} in quarantine`];
  if (withoutRejected > 0) text.push(`${withoutRejected} lack a rejected text, still to be made`);
  if (withoutRejectedImages > 0) text.push(`${withoutRejectedImages} lack a contrast image, still to be made`);
  if (Object.keys(summary.extra).length > 0) text.push(`fields kept in the column extra: ${counts(summary.extra)}`);
  if (Object.keys(summary.leftOut).length > 0)
    text.push(`fields left out (bytes, or long): ${counts(summary.leftOut)}`);
  const worst = Object.entries(faults).sort(([, a], [, b]) => b - a);
  for (const [field, count] of worst) text.push(`  ${count} for ${field}`);
  if (quarantined > 0) text.push(`reasons: ${importFiles(out).quarantine}`);
  return `${text.join("\n")}\n`;
}

function mapOf(words: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    words.map((word) => {
      const [theirs = "", ours = "", ...more] = word.split("=");
      if (theirs !== "" && ours !== "" && more.length === 0) return [theirs, ours] as const;
      throw new UserError(`--map: found ${word}, expected THEIRS=OURS, such as question=prompt`);
    }),
  );
}

function counts(fields: Readonly<Record<string, number>>): string {
  return Object.entries(fields)
    .map(([field, count]) => `${field} of ${count}`)
    .join(", ");
}

/** Lists the formats. */
export function pairsFormats(options: { json: boolean }): void {
  const listed = (formats: readonly { name: string; about: string; documentation: string }[]): object[] =>
    formats.map(({ name, about, documentation }) => ({ name, about, documentation }));
  if (options.json) {
    const formats = { import: listed(IMPORTERS), export: listed(EXPORTERS) };
    process.stdout.write(`${JSON.stringify(formats, null, 2)}\n`);
    return;
  }
  const table = (formats: readonly { name: string; about: string; documentation: string }[]): string =>
    formats
      .map(({ name, about, documentation }) => `  ${name.padEnd(14)}${about}\n${" ".repeat(16)}${documentation}\n`)
      .join("");
  process.stdout.write(`import --from\n${table(IMPORTERS)}export --to\n${table(EXPORTERS)}`);
}
