import { InvalidArgumentError } from "commander";

/** Reads an option's whole number of a range. */
export function wholeNumber(low: number, high: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== "" && Number.isInteger(value) && value >= low && value <= high) return value;
    throw new InvalidArgumentError(`found ${text}, expected a whole number from ${low} to ${high}`);
  };
}
