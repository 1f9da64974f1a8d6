import { InvalidArgumentError } from "commander";
import { UserError } from "../errors.js";

/** Reads an option's whole number of a range that has both ends, or no upper one. */
export function wholeNumber(low: number, high?: number): (text: string) => number {
  const range = high === undefined ? `of ${low} or more` : `from ${low} to ${high}`;
  return (text) => {
    const value = Number(text);
    const isInside = Number.isSafeInteger(value) && value >= low && value <= (high ?? Infinity);
    if (text.trim() !== "" && isInside) return value;
    throw new InvalidArgumentError(`found ${text}, expected a whole number ${range}`);
  };
}

/** Reads an option's number above 0. */
export function positiveNumber(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isFinite(value) && value > 0) return value;
  throw new InvalidArgumentError(`found ${text}, expected a number above 0`);
}

/** Gathers the values of an option that may be repeated. */
export function collect(text: string, before: string[]): string[] {
  return [...before, text];
}

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

/**
 * Reads the values of `--option`.
 *
 * @param texts - Each `name=value`.
 * @throws UserError when one is not, or a name comes twice.
 */
export function optionPairs(texts: readonly string[]): Record<string, string> {
  const pairs = texts.map((text): [string, string] => {
    const at = text.indexOf("=");
    if (at < 1) throw new UserError(`--option is ${JSON.stringify(text)}, expected name=value`);
    return [text.slice(0, at), text.slice(at + 1)];
  });
  const twice = pairs.find(([name], at) => pairs.findIndex(([other]) => other === name) !== at);
  if (twice !== undefined) throw new UserError(`--option ${twice[0]}=... is given twice; keep one of both`);
  return Object.fromEntries(pairs);
}
