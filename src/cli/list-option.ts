import { UserError } from "../errors.js";

/**
 * Reads an option that holds names with commas between them.
 *
 * @param flag - Its name, for the error.
 * @param text - Its value; empty: none.
 * @param all - What can be named.
 * @param nameOf - The name of each.
 * @returns What was named, in the order of the option.
 * @throws UserError for a name that is none of them.
 */
export function listOption<T>(flag: string, text: string, all: readonly T[], nameOf: (each: T) => string): T[] {
  if (text === "") return [];
  return text.split(",").map((name) => {
    const found = all.find((each) => nameOf(each) === name.trim());
    if (found !== undefined) return found;
    throw new UserError(`${flag} holds "${name.trim()}", expected some of ${all.map(nameOf).join(",")}`);
  });
}
