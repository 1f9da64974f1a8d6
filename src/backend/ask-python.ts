import { execFile } from "node:child_process";
import { pythonEnvironment } from "./python.js";

/** Room for an answer, in bytes. */
const MAX_BUFFER = 64 * 1024 * 1024;

/**
 * Runs a module of the Python side that reads a question and prints an answer, both JSON.
 *
 * @param python - Path of the interpreter.
 * @param words - The module's name, and its arguments.
 * @param question - Goes to its standard input.
 * @returns The answer; or, where there is none, the last line of what it said instead.
 */
export async function askPython(
  python: string,
  words: readonly string[],
  question: unknown,
): Promise<{ readonly answer: unknown } | { readonly failure: string }> {
  const options = { env: { ...process.env, ...pythonEnvironment() }, maxBuffer: MAX_BUFFER };
  return new Promise((resolve) => {
    const asked = execFile(python, ["-W", "ignore", "-m", ...words], options, (error, stdout, stderr) => {
      if (error === null) resolve({ answer: JSON.parse(stdout) as unknown });
      else resolve({ failure: stderr.trim().split("\n").at(-1) ?? "" });
    });
    asked.stdin?.on("error", () => undefined);
    asked.stdin?.end(JSON.stringify(question));
  });
}
