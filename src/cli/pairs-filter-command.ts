import { checksNamed, filterPairs, type FilteredPairs, filterSummaryPath } from "../pairs/filtering/filter-pairs.js";
import { showProgress } from "../progress/progress.js";

/** What `scpo pairs filter` was given. */
export interface PairsFilterOptions {
  readonly file: string;
  readonly out: string;
  /** Names with commas; so the next two. */
  readonly dropFinding?: string;
  readonly dropKind?: string;
  readonly dropOrigin?: string;
  readonly findings?: string;
  readonly where?: string;
  readonly json: boolean;
  readonly signal: AbortSignal;
}

/** Writes a pairs file without some pairs, and says how many went and why. */
export async function pairsFilter(options: PairsFilterOptions): Promise<void> {
  const { file, out, findings, where, json, signal } = options;
  const progress = showProgress();
  let filtered: FilteredPairs;
  try {
    filtered = await filterPairs({
      ...{ pairs: file, out, findings, where, signal },
      dropFindings: checksNamed(names(options.dropFinding)),
      dropKinds: names(options.dropKind),
      dropOrigins: names(options.dropOrigin),
      onProgress: (read, total) => {
        if (read % 1000 === 0) progress.update("filter", "pairs", read, total);
      },
    });
  } finally {
    progress.close();
  }
  process.stdout.write(json ? `${JSON.stringify(filtered, null, 2)}\n` : lines(filtered, out));
}

function names(text: string | undefined): string[] {
  return text === undefined ? [] : text.split(",").map((name) => name.trim());
}

function lines({ read, written, dropped, columnsLeftOut }: FilteredPairs, out: string): string {
  const text = [`read ${read} pairs = ${written} written to ${out} + ${read - written} dropped`];
  for (const [reason, count] of Object.entries(dropped)) text.push(`  ${count} for ${reason}`);
  if (columnsLeftOut.length > 0) text.push(`columns not kept: ${columnsLeftOut.join(", ")}`);
  text.push(`summary: ${filterSummaryPath(out)}`);
  return `${text.join("\n")}\n`;
}
