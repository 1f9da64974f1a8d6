import { askPython } from "./ask-python.js";
import { findPython } from "./python.js";
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
  const question = Object.fromEntries(names.map((name) => [name, null]));
  const said = await askPython(python, ["scpo_trl.settings", "check"], question);
  if ("answer" in said) return said.answer as Record<string, string>;
  throw new UserError(`training: ${python} could not be asked about ${names.join(", ")}: ${said.failure}`);
}
