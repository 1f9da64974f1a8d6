import { type AppliedDecisions, applyDecisions } from "../review/apply-decisions.js";
import { showProgress } from "../progress/progress.js";

/** What `scpo pairs apply` was given. */
export interface PairsApplyOptions {
  readonly file: string;
  readonly out: string;
  readonly decisions?: string;
  readonly onlyAccepted: boolean;
  readonly ignoreStale: boolean;
  readonly json: boolean;
  readonly signal: AbortSignal;
}

/** Applies decisions and says what came of it. */
export async function pairsApply(options: PairsApplyOptions): Promise<void> {
  const { file, json, ...rest } = options;
  const progress = showProgress();
  let applied: AppliedDecisions;
  try {
    applied = await applyDecisions({
      ...rest,
      pairs: file,
      onProgress: (read, total) => {
        if (read % 1000 === 0) progress.update("apply", "pairs", read, total);
      },
    });
  } finally {
    progress.close();
  }
  process.stdout.write(json ? `${JSON.stringify(applied, null, 2)}\n` : `${lines(applied, options.out).join("\n")}\n`);
}

function lines(applied: AppliedDecisions, out: string): string[] {
  const { read, written, rejected, undecidedLeftOut, accepted, regraded, stale, columnsLeftOut } = applied;
  const undecided = undecidedLeftOut > 0 ? ` + ${undecidedLeftOut} undecided left out` : "";
  const text = [
    `read ${read} pairs = ${written} written to ${out} + ${rejected} rejected${undecided}`,
    `of those written ${accepted} were accepted, ${regraded} re-graded, ${written - accepted - regraded} undecided`,
  ];
  if (stale > 0) text.push(`passed over ${stale} decisions whose pair is gone or has changed`);
  if (columnsLeftOut.length > 0) text.push(`columns not kept: ${columnsLeftOut.join(", ")}`);
  return text;
}
