import { join } from "node:path";
import { UserError } from "../../errors.js";
import { findFile } from "../benchmark-files.js";
import type { BenchmarkFile, OpenOptions } from "../benchmark.js";
import { decodeUtf8, readWhole } from "../../files/text-file.js";

/** Text of an official Python script, from which a judge's prompt is read so that it need not be copied. */
export interface OfficialScript {
  /** Path as found. */
  path: string;
  /** All of it, line ends as "\n". */
  text: string;
}

/** A piece of a prompt: its own words, or the Python expression whose value stands there. */
export type PromptPiece = { text: string } | { expression: string };

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r", "\\": "\\", "'": "'", '"': '"' };

/** A prompt for a judge, in the official words where the script was found. */
export interface JudgePrompt<T> {
  /** Whose words they are, for a result's settings. */
  origin: "official" | "own";
  /** The script, where it was found. */
  inputs: string[];
  /**
   * Takes the prompt.
   *
   * @throws UserError in strict mode without the script.
   */
  take(): T;
}

/**
 * Opens a judge's prompt: the official one from the benchmark's script, else ours.
 *
 * @param options - Of the scorer; `script` among them names the script.
 * @param file - The script as the benchmark lists it.
 * @param read - Takes the prompt from the script.
 * @param own - Ours.
 * @throws UserError when the named script cannot be read, or the one found is not as expected.
 */
export async function openPrompt<T>(
  { annotations, mode, options }: OpenOptions,
  file: BenchmarkFile,
  read: (script: OfficialScript) => T,
  own: T,
): Promise<JudgePrompt<T>> {
  const path = options["script"] ?? (await findFile(annotations, file));
  if (path !== null) {
    const bytes = await readWhole(path);
    const prompt = read({ path, text: decodeUtf8(bytes, path).replaceAll("\r\n", "\n") });
    return { origin: "official", inputs: [path], take: () => prompt };
  }
  return {
    origin: "own",
    inputs: [],
    take() {
      if (mode === "fixed") return own;
      const where = join(annotations, file.path);
      throw new UserError(
        `${where}: is missing, strict mode takes the judge's prompt from it; get it or use fixed mode`,
      );
    },
  };
}

/**
 * Reads the string that a script assigns to a variable or passes under a key.
 *
 * @param script - The script.
 * @param before - What stands before the string, for example "template = ".
 * @returns The string's value.
 * @throws UserError when the script has no such place.
 */
export function stringAfter(script: OfficialScript, before: string): string {
  for (let at = script.text.indexOf(before); at !== -1; at = script.text.indexOf(before, at + 1)) {
    const found = stringAt(script.text, at + before.length);
    if (found !== undefined) return found.value;
  }
  throw unlike(script, `a string after ${JSON.stringify(before)}`);
}

/**
 * Reads a prompt that a function builds line by line: `prompt = ...`, `prompt += ...`.
 *
 * @param script - The script.
 * @param name - Of the function.
 * @returns The pieces in order.
 * @throws UserError when the function or the prompt is not there.
 */
export function promptOf(script: OfficialScript, name: string): PromptPiece[] {
  const start = script.text.indexOf(`def ${name}(`);
  if (start === -1) throw unlike(script, `the function ${name}`);
  const next = script.text.indexOf("\ndef ", start + 1);
  const body = script.text.slice(start, next === -1 ? undefined : next);
  const pieces = [...body.matchAll(/^[ \t]+prompt \+?= (.*)$/gm)].map((line): PromptPiece => {
    const expression = (line[1] as string).trim();
    const found = stringAt(expression, 0);
    return found === undefined ? { expression } : { text: found.value };
  });
  if (pieces.length === 0) throw unlike(script, `a prompt in the function ${name}`);
  return pieces;
}

/**
 * Puts values into a prompt.
 *
 * @param script - Where it comes from.
 * @param pieces - As `promptOf` returns them.
 * @param values - By Python expression.
 * @returns The prompt.
 * @throws UserError when the script puts in a value that is not known.
 */
export function filled(
  script: OfficialScript,
  pieces: readonly PromptPiece[],
  values: Readonly<Record<string, string>>,
): string {
  return pieces
    .map((piece) => {
      if ("text" in piece) return piece.text;
      const value = values[piece.expression];
      if (value === undefined) throw unlike(script, `a prompt of ${Object.keys(values).join(", ")}`);
      return value;
    })
    .join("");
}

/**
 * Puts values into a template with named or numbered places, each value taken as it is.
 *
 * @param template - With places such as `{question}` or, in order, `{}`.
 * @param values - By name; by position "0", "1", ... for `{}`.
 * @returns The text; a place without a value stays as it stands.
 */
export function formatted(template: string, values: Readonly<Record<string, string>>): string {
  let position = 0;
  return template.replace(
    /\{(\w*)\}/g,
    (place, name: string) => values[name === "" ? String(position++) : name] ?? place,
  );
}

function stringAt(text: string, at: number): { value: string } | undefined {
  const opening = /^[fFrRuU]?("""|'''|"|')/.exec(text.slice(at, at + 4));
  if (opening === null) return undefined;
  const quote = opening[1] as string;
  let value = "";
  for (let i = at + opening[0].length; i < text.length; i++) {
    if (text.startsWith(quote, i)) return { value };
    const character = text[i] as string;
    if (character === "\\") {
      i += 1;
      const escaped = text[i] ?? "";
      // A backslash at the end of a line joins it with the next one.
      value += escaped === "\n" ? "" : (ESCAPES[escaped] ?? `\\${escaped}`);
    } else if (character === "\n" && quote.length === 1) {
      return undefined;
    } else {
      value += character;
    }
  }
  return undefined;
}

function unlike(script: OfficialScript, expected: string): UserError {
  return new UserError(`${script.path}: is not the script it should be, expected ${expected}; download it again`);
}
