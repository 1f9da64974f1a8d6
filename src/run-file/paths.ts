import { statSync, type Stats } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { HUB_SCHEME, hubAddress, hubModel } from "../files/hub-model.js";
import { pathProblem } from "../files/path-guard.js";
import { ADAPTER_SETTINGS } from "../run/model-roots.js";
import { OFFERED } from "../run/plan.js";
import type { FieldPath } from "./position.js";
import type { LocatedProblem } from "./problems.js";
import { EMBEDDED_MODEL } from "./schema.js";
import { trainingJsonSchema } from "./training-schema.js";

/** Settings of the training that name folders, as Python marks them. */
const TRAINING_FOLDERS = Object.entries(trainingJsonSchema.properties).flatMap(([name, { format }]) =>
  format === "path-folder" ? [name] : [],
);

/** A field that names a file or a folder on this machine. */
export interface PathField {
  readonly path: FieldPath;
  readonly value: string;
  /** A new folder need not be there. */
  readonly kind: "file" | "folder" | "new-folder" | "model";
}

/**
 * Where a written path leads: `~` is the home folder, what is relative is relative to `base`.
 *
 * @param base - Absolute path of a folder.
 */
export function absolutePath(written: string, base: string): string {
  return written === "~" || written.startsWith("~/") ? join(homedir(), written.slice(1)) : resolve(base, written);
}

/**
 * Replaces every path in settings by its absolute form, and a model's name on the hub by one that is no path.
 *
 * @param settings - As they were given; nothing is supposed of their shape. They are left as they are.
 * @param base - Folder that relative paths start from.
 * @returns The settings with absolute paths, and what does not exist.
 */
export function withAbsolutePaths(settings: unknown, base: string): { settings: unknown; problems: LocatedProblem[] } {
  const copy: unknown = structuredClone(settings);
  const problems: LocatedProblem[] = [];
  for (const { path, value, kind } of pathFields(copy)) {
    const impossible = pathProblem(value);
    if (impossible !== null) {
      problems.push({ path, isName: false, description: impossible });
      continue;
    }
    const absolute = absolutePath(value, base);
    const named = kind === "model" && statusOf(absolute) === undefined ? hubModel(value) : null;
    setField(copy, path, named === null ? absolute : hubAddress(named));
    if (named !== null) continue;
    const expected = missing(absolute, kind);
    if (expected !== null) {
      problems.push({ path, isName: false, description: `found ${JSON.stringify(value)}, expected ${expected}` });
    }
  }
  return { settings: copy, problems };
}

function missing(path: string, kind: PathField["kind"]): string | null {
  const status = statusOf(path);
  if (kind === "new-folder" && status === undefined) return null;
  if (typeof status === "string")
    return `a ${kind === "file" ? "file" : "folder"} that can be read (${path}: ${status})`;
  if (kind === "file") return status?.isFile() === true ? null : `an existing file (${path} is none)`;
  if (status?.isDirectory() !== true) {
    const others = kind === "model" ? `, owner/name of a model on the Hugging Face hub, or "${EMBEDDED_MODEL}"` : "";
    return `an existing folder${others} (${path} is none)`;
  }
  if (kind !== "model") return null;
  const isModel = ["config.json", ADAPTER_SETTINGS].some((name) => {
    const status = statusOf(join(path, name));
    return typeof status === "object" && status.isFile();
  });
  return isModel ? null : `the folder of a model (${path} has no config.json)`;
}

/** What lies there; undefined for nothing, the system's code where it cannot be looked at. */
function statusOf(path: string): Stats | string | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}

/** Every field of some settings that names a file or a folder on this machine; nothing is supposed of their shape. */
export function pathFields(settings: unknown): PathField[] {
  const fields: PathField[] = [];
  const add = (kind: PathField["kind"], ...path: FieldPath) => {
    const value = get(settings, path);
    if (typeof value === "string" && value !== "") fields.push({ path, value, kind });
  };
  // A model that a trainer elsewhere loads need not lie here.
  const kindOfBackend = get(settings, ["backend", "kind"]);
  const isElsewhere = kindOfBackend === "remote" || kindOfBackend === "dialled";
  const model = get(settings, ["model"]);
  const isNamed = model === EMBEDDED_MODEL || String(model).startsWith(HUB_SCHEME);
  if (!isNamed && !isElsewhere) add("model", "model");
  // So do its files.
  for (const name of isElsewhere ? [] : TRAINING_FOLDERS) add("new-folder", "training", name);
  if (kindOfBackend !== "dialled" || get(settings, ["data", "pairs"]) !== OFFERED) add("file", "data", "pairs");
  add("file", "evaluation", "scenes");
  const benchmarks = get(settings, ["evaluation", "benchmarks"]);
  for (const at of Array.isArray(benchmarks) ? benchmarks.keys() : []) {
    for (const field of ["annotations", "images"]) add("folder", "evaluation", "benchmarks", at, field);
  }
  add("file", "backend", "python");
  for (const field of ["authority", "certificate", "key"]) add("file", "backend", "tls", field);
  add("file", "backend", "token", "file");
  return fields;
}

function get(value: unknown, path: FieldPath): unknown {
  return path.reduce<unknown>(
    (inner, part) => (inner as Record<PropertyKey, unknown> | null | undefined)?.[part],
    value,
  );
}

/** Gives a field another path; the fields around it must exist. */
export function setField(value: unknown, path: FieldPath, replacement: string): void {
  const parent = get(value, path.slice(0, -1)) as Record<PropertyKey, unknown>;
  parent[path.at(-1) as PropertyKey] = replacement;
}
