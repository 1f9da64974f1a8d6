import { execFile } from "node:child_process";
import { findPython, pythonEnvironment } from "./python.js";
import type { BackendSettings } from "./settings.js";
import { UserError } from "../errors.js";

/**
 * Asks the Python that will train what is wrong with names of settings.
 *
 * @param names - What this package does not know itself.
 * @returns A line by the name of each wrong setting; none of a trainer
 *   elsewhere: a remote one says it when the model is loaded, one that dials has its own.
 */
export async function askSettings(
  names: readonly string[],
  backend: BackendSettings,
): Promise<Readonly<Record<string, string>>> {
  if (names.length === 0 || backend.kind === "remote" || backend.kind === "dialled") return {};
  const python = findPython(backend.python);
  const options = { env: { ...process.env, ...pythonEnvironment() } };
  return new Promise((resolve, reject) => {
    const asked = execFile(
      python,
      ["-W", "ignore", "-m", "scpo_trl.settings", "check"],
      options,
      (error, stdout, stderr) => {
        if (error === null) return resolve(JSON.parse(stdout) as Record<string, string>);
        const last = stderr.trim().split("\n").at(-1) ?? "";
        reject(new UserError(`training: ${python} could not be asked about ${names.join(", ")}: ${last}`));
      },
    );
    asked.stdin?.on("error", () => undefined);
    asked.stdin?.end(JSON.stringify(Object.fromEntries(names.map((name) => [name, null]))));
  });
}
