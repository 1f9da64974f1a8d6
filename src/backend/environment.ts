import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { pythonEnvironment } from "./python.js";

const run = promisify(execFile);
const IMPORT_MILLISECONDS = 120_000;

/** What a Python has of what trainers need, as `scpo_trl.service.environment` prints it. */
export interface Environment {
  readonly python: string;
  readonly packages?: readonly { name: string; required: string; found: string | null; ok: boolean }[];
  readonly packages_error?: string;
  /** GPUs that torch sees. */
  readonly devices?: readonly { name: string; free_bytes: number; total_bytes: number }[];
  readonly devices_error?: string;
}

/**
 * Asks a Python what it has.
 *
 * @param interpreter - Its path.
 * @throws Error, with `stderr`, when it does not answer.
 */
export async function readEnvironment(interpreter: string): Promise<Environment> {
  const { stdout } = await run(interpreter, ["-m", "scpo_trl.service.environment"], {
    env: { ...process.env, ...pythonEnvironment() },
    timeout: IMPORT_MILLISECONDS,
  });
  return JSON.parse(stdout.trim().split("\n").at(-1) ?? "") as Environment;
}
