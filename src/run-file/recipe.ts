import { readFile } from "node:fs/promises";
import { parse, YAMLParseError } from "yaml";
import { absolutePath } from "./paths.js";
import { fieldName } from "./position.js";
import type { LocatedProblem } from "./problems.js";

/** A file of settings for `training`, which `trl-scpo --config` takes as well. */
export class Recipe {
  readonly #written: string;
  readonly #names: ReadonlySet<string>;

  /**
   * @param written - How the run's file names it.
   * @param names - Settings that the run has from it.
   */
  constructor(written: string, names: readonly string[]) {
    this.#written = written;
    this.#names = new Set(names);
  }

  /** A mistake in a setting of the recipe as one of the field that names it; undefined: the setting is not from here. */
  located({ path, description }: LocatedProblem): LocatedProblem | undefined {
    const [block, name, ...inner] = path;
    if (block !== "training" || !this.#names.has(String(name))) return undefined;
    const setting = fieldName([String(name), ...inner]);
    return { path: ["recipe"], isName: false, description: `${this.#written}: ${setting}: ${description}` };
  }
}

/**
 * Puts the settings of a run's recipe into its `training`, under those that stand there.
 *
 * @param settings - As they were written; nothing is supposed of their shape. They are left as they are.
 * @param base - Folder that the recipe's path starts from.
 * @returns The settings without the field `recipe`, and why the file cannot be one.
 */
export async function withRecipe(
  settings: unknown,
  base: string,
): Promise<{ settings: unknown; recipe?: Recipe; problems: LocatedProblem[] }> {
  const { recipe: written, ...others } = { ...(settings as { recipe?: unknown; training?: unknown } | null) };
  if (typeof written !== "string" || written === "") return { settings, problems: [] };
  const found = await readRecipe(absolutePath(written, base));
  if (typeof found === "string") {
    const description = `found ${JSON.stringify(written)}, ${found}`;
    return { settings: others, problems: [{ path: ["recipe"], isName: false, description }] };
  }
  const own = others.training ?? {};
  if (typeof own !== "object") return { settings: others, problems: [] };
  const names = Object.keys(found).filter((name) => !Object.hasOwn(own, name));
  return {
    settings: { ...others, training: { ...found, ...own } },
    recipe: new Recipe(written, names),
    problems: [],
  };
}

/** The settings in a file, or what is wrong with it. */
async function readRecipe(path: string): Promise<Record<string, unknown> | string> {
  let content: unknown;
  try {
    content = parse(await readFile(path, "utf8"));
  } catch (error) {
    const reason =
      error instanceof YAMLParseError ? error.message.split("\n")[0] : (error as NodeJS.ErrnoException).code;
    return `expected a YAML file of training settings that can be read (${path}: ${reason})`;
  }
  if (content !== null && typeof content === "object" && !Array.isArray(content)) {
    const isRun = ["model", "data", "training"].some((name) => Object.hasOwn(content, name));
    return isRun ? `expected training settings alone (${path} is a run of its own)` : { ...content };
  }
  return `expected training settings as name: value (${path} holds none)`;
}
