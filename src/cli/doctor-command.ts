import { examine } from "../doctor/examine.js";
import type { Finding } from "../doctor/finding.js";

/** `scpo doctor`: says what is in the way of a run, and how to mend it; the exit status is 1 if something is. */
export async function doctor(options: { runs: string; python?: string; json: boolean }): Promise<void> {
  const findings = await examine(options);
  process.stdout.write(options.json ? `${JSON.stringify(findings, null, 2)}\n` : findingsText(findings));
  if (findings.some(({ level }) => level === "fail")) process.exitCode = 1;
}

function findingsText(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ check }) => check.length));
  const lines = findings.map(({ check, level, found, mend }) => {
    const text = `${level.padEnd(4)}  ${check.padEnd(width)}  ${found}`;
    return mend === undefined ? text : `${text}\n${" ".repeat(width + 8)}${mend}`;
  });
  return `${lines.join("\n")}\n`;
}
