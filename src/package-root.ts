import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** Folder of the package: the one that holds package.json. */
export const PACKAGE_ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

/** Folder of the model that ships: the base model of the demonstration, which `embedded` names. */
export const EMBEDDED_MODEL_FOLDER = join(PACKAGE_ROOT, "python_bridge", "scpo_trl", "tiny", "weights");

/** Version in package.json. */
export function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(`${PACKAGE_ROOT}/package.json`, "utf8")) as { version: string };
  return version;
}
