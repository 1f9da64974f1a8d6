import { type CheckReport, checkPairs } from "../pairs/checking/check-pairs.js";
import { existsSync } from "node:fs";
import { UserError } from "../errors.js";
import { refuseOverInputs } from "../files/outputs.js";
import { readFindings, type RowFinding, writeFindings } from "../pairs/checking/findings-file.js";
import type { Finding } from "../pairs/checking/findings.js";
import { showProgress } from "../progress/progress.js";

/** What `scpo pairs check` was given. */
export interface PairsCheckOptions {
  readonly file: string;
  readonly against: readonly string[];
  readonly smallestSide: number;
  readonly hashDistance: number;
  readonly context?: number;
  /** Where all findings about rows go. */
  readonly findings?: string;
  readonly strict: boolean;
  readonly json: boolean;
  readonly signal: AbortSignal;
}

/** Checks a pairs file and says what was found; the exit status is 1 for an error, or for a warning when strict. */
export async function pairsCheck(options: PairsCheckOptions): Promise<void> {
  const { file, strict, json, signal } = options;
  const progress = showProgress();
  const found: RowFinding[] = [];
  if (options.findings !== undefined) {
    await refuseOverInputs(
      [{ flag: "--findings", path: options.findings }],
      [file, ...options.against].map((path) => ({ flag: "the command", path })),
    );
    if (existsSync(options.findings)) {
      await readFindings(options.findings).catch(() => {
        throw new UserError(`--findings: ${options.findings} exists and is no findings file; name another`);
      });
    }
  }
  let report: CheckReport;
  try {
    report = await checkPairs(file, {
      ...options,
      ...(options.findings === undefined ? {} : { onFinding: (finding: RowFinding) => found.push(finding) }),
      onProgress: (rows) => {
        if (rows >= 1000) progress.update("check", "pairs", rows, rows);
      },
    });
  } finally {
    progress.close();
  }
  signal.throwIfAborted();
  if (options.findings !== undefined) await writeFindings(options.findings, found);
  process.stdout.write(json ? `${JSON.stringify(report, null, 2)}\n` : `${lines(report).join("\n")}\n`);
  const counted = report.findings.filter(({ severity }) => strict || severity === "error");
  if (counted.length > 0) process.exitCode = 1;
}

function lines(report: CheckReport): string[] {
  const { file, rows, complete, kinds, stages, rejectedTrue, findings } = report;
  const text = [`${file}: ${rows} pairs, ${complete} complete`];
  for (const [name, counts] of [
    ["kinds", kinds],
    ["stages", stages],
    ["rejected is true of rejected_images", rejectedTrue],
  ] as const) {
    const entries = Object.entries(counts).filter(([value]) => value !== "");
    if (entries.length > 0) text.push(`${name}: ${entries.map(([value, n]) => `${value} ${n}`).join(", ")}`);
  }
  for (const finding of findings) text.push(...findingLines(finding));
  const errors = findings.filter(({ severity }) => severity === "error").length;
  text.push(`${errors} errors, ${findings.length - errors} warnings`);
  return text;
}

function findingLines({ check, severity, count, text, examples }: Finding): string[] {
  const rows = count === null ? "" : `${count} ${count === 1 ? "row" : "rows"}: `;
  const shown = examples.map(({ row, id, text: example }) => `    row ${row} (${id}): ${shortened(example)}`);
  return [`${severity} ${check}: ${rows}${text}`, ...shown];
}

function shortened(text: string): string {
  return text.length > 160 ? `${text.slice(0, 157)}...` : text;
}
