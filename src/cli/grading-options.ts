import type { Command } from "commander";
import {
  type CheckedGrading,
  DEFAULT_STAGES,
  type Grading,
  MISSING_SIGNALS,
  namesOf,
  NORMALISATIONS,
  type SignalUses,
  weightOf,
} from "../difficulty/grading.js";
import { UserError } from "../errors.js";
import { wholeNumber } from "./option-values.js";

/** How a command was told to grade. */
export interface GradingOptions {
  readonly use?: readonly string[];
  readonly normalise?: string;
  readonly missing?: string;
  readonly stages?: number;
  readonly bounds?: string;
  readonly trim?: number;
}

/** Declares the options that say how pairs are graded. */
export function addGradingOptions(command: Command): Command {
  return command
    .option(
      "--use <column=weight>",
      "a column that counts, below 0 where more of it is easier; may be repeated (default: the default signals)",
      (text: string, before?: string[]) => [...(before ?? []), text],
    )
    .option("--normalise <how>", `how signals are made comparable: ${NORMALISATIONS.join(" or ")} (default: ranks)`)
    .option("--missing <how>", `what a signal counts that a pair lacks: ${MISSING_SIGNALS.join(", ")} (default: skip)`)
    .option("--stages <number>", `stages of equal size (default: ${DEFAULT_STAGES})`, wholeNumber(1, 1000))
    .option(
      "--bounds <difficulties>",
      "difficulties at which harder stages begin, such as 0.3,0.7, instead of --stages",
    )
    .option("--trim <share>", "share of the hardest pairs to give no stage, 0 up to but not 1 (default: 0)", Number);
}

/**
 * Reads how to grade, as the command line says it.
 *
 * @throws UserError when an option is malformed, or two exclude each other; ranges are checked where pairs are graded.
 */
export function gradingFrom(options: GradingOptions): Grading {
  const { stages, trim, bounds } = options;
  if (stages !== undefined && bounds !== undefined) {
    throw new UserError(
      "--stages and --bounds are given, expected one of the two: --bounds says how many stages there are",
    );
  }
  return {
    uses: useOption(options.use ?? []),
    normalise: oneOf("--normalise", options.normalise, NORMALISATIONS),
    missing: oneOf("--missing", options.missing, MISSING_SIGNALS),
    stages,
    bounds: bounds === undefined ? undefined : boundsOf(bounds),
    trim,
  };
}

function boundsOf(text: string): number[] {
  const bounds = text.split(",").map((part) => (part.trim() === "" ? NaN : Number(part)));
  if (!bounds.some(Number.isNaN)) return bounds;
  throw new UserError(`--bounds is "${text}", expected difficulties with commas, such as 0.3,0.7`);
}

function oneOf<Name extends string>(flag: string, text: string | undefined, names: readonly Name[]): Name | undefined {
  const found = names.find((name) => name === text);
  if (text === undefined || found !== undefined) return found;
  throw new UserError(`${flag} is "${text}", expected one of ${names.join(", ")}`);
}

/**
 * Reads which columns make the difficulty, as the command line gives them: `entropy=1`, `transport_distance=-0.5`.
 *
 * @param texts - Each use of the option; below 0: more of it is easier.
 * @returns Sign and weight by column; undefined where nothing is said.
 * @throws UserError for what is no column and weight, or names a column twice.
 */
export function useOption(texts: readonly string[]): SignalUses | undefined {
  if (texts.length === 0) return undefined;
  const uses = new Map<string, { sign: 1 | -1; weight: number }>();
  for (const text of texts) {
    const [, name, value] = /^(.+)=([^=]+)$/.exec(text) ?? [];
    const weight = value === undefined || value.trim() === "" ? NaN : Number(value);
    if (name === undefined || !Number.isFinite(weight) || weight === 0) {
      throw new UserError(
        `--use: found "${text}", expected column=weight with a weight above 0, or below 0 where more of it is easier`,
      );
    }
    if (uses.has(name)) throw new UserError(`--use: names ${name} twice, expected each column once`);
    uses.set(name, { sign: weight < 0 ? -1 : 1, weight: Math.abs(weight) });
  }
  return Object.fromEntries(uses);
}

/** The difficulty in one line: the columns as {@link useOption} reads them, and what else is not the default. */
export function gradingLine({ uses, normalise, missing, bounds }: CheckedGrading): string {
  const columns = namesOf(uses)
    .filter((name) => weightOf(uses, name) !== 0)
    .map((name) => `${name}=${(uses[name]?.sign ?? 1) * weightOf(uses, name)}`);
  const others = [
    ...(normalise === "ranks" ? [] : [`normalised by ${normalise}`]),
    ...(missing === "skip" ? [] : [`missing: ${missing}`]),
    ...(bounds === null ? [] : [`bounds ${bounds.join(",")}`]),
  ];
  return [columns.join(" "), ...others].join("; ");
}
