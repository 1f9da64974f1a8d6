import { accessSync, constants } from "node:fs";
import { delimiter, isAbsolute, join } from "node:path";
import { UserError } from "../errors.js";
import { PACKAGE_ROOT } from "../package-root.js";

/**
 * Finds the Python interpreter: the one asked for, else $SCPO_PYTHON, else the one that the set-up made.
 *
 * @param asked Path of an interpreter; wins over everything else.
 * @throws UserError when there is no interpreter at that place.
 */
export function findPython(asked?: string, environment: NodeJS.ProcessEnv = process.env): string {
  const fromEnvironment = environment["SCPO_PYTHON"];
  if (asked !== undefined) return usable(asked, "python");
  if (fromEnvironment !== undefined && fromEnvironment !== "") return usable(fromEnvironment, "SCPO_PYTHON");
  const own = join(PACKAGE_ROOT, ".venv", "bin", "python");
  if (isExecutable(own)) return own;
  throw new UserError(
    `Python: found no interpreter at ${own}, expected the one that the set-up makes: ` +
      `run \`npm start\` (or \`node scripts/setup.js\`) in ${PACKAGE_ROOT}, or set SCPO_PYTHON`,
  );
}

/** PYTHONPATH that finds the package's Python side before anything else. */
export function pythonPath(environment: NodeJS.ProcessEnv = process.env): string {
  const inherited = environment["PYTHONPATH"];
  const own = join(PACKAGE_ROOT, "python_bridge");
  return inherited === undefined || inherited === "" ? own : `${own}${delimiter}${inherited}`;
}

/**
 * Environment variables with which every Python is started: the package's Python side is found, a file of the current
 * folder that bears a module's name is not, and texts are UTF-8 whatever the locale.
 */
export function pythonEnvironment(): Record<string, string> {
  return { PYTHONPATH: pythonPath(), PYTHONSAFEPATH: "1", PYTHONUTF8: "1" };
}

/** Further environment variables of a Python trainer process. */
export function trainerEnvironment(threads: number): Record<string, string> {
  return {
    ...pythonEnvironment(),
    PYTHONUNBUFFERED: "1",
    OMP_NUM_THREADS: String(threads),
    MKL_NUM_THREADS: String(threads),
    TOKENIZERS_PARALLELISM: "false",
  };
}

function usable(path: string, source: string): string {
  if (isAbsolute(path) && isExecutable(path)) return path;
  throw new UserError(
    `${source}: found "${path}", expected the absolute path of a Python interpreter: ` +
      "name an existing one, or leave it out and run `npm start`",
  );
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
