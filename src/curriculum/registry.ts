import { UserError } from "../errors.js";
import type { Curriculum } from "./curriculum.js";
import { staged } from "./staged.js";

/** Every curriculum by the name that a run file uses. */
export const curricula: Readonly<Record<string, Curriculum>> = { staged };

/**
 * Finds a curriculum by its name.
 *
 * @throws UserError when no curriculum has this name.
 */
export function curriculum(name: string): Curriculum {
  const found = Object.hasOwn(curricula, name) ? curricula[name] : undefined;
  if (found === undefined) {
    throw new UserError(`curriculum: found "${name}", expected one of ${Object.keys(curricula).join(", ")}`);
  }
  return found;
}
