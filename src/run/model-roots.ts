import { existsSync, readFileSync } from "node:fs";
import { isAbsolute, join } from "node:path";

/** What the folder of an adapter is told by. */
export const ADAPTER_SETTINGS = "adapter_config.json";

/** The base model that an adapter's folder names: a path, or a name on the hub; undefined: it holds no adapter. */
export function adapterBase(folder: string): string | undefined {
  const path = join(folder, ADAPTER_SETTINGS);
  if (!existsSync(path)) return undefined;
  try {
    const { base_model_name_or_path: base } = JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;
    return typeof base === "string" ? base : undefined;
  } catch {
    // The trainer says what is wrong with it.
    return undefined;
  }
}

/** Folders of this machine that a trainer reads to load a model: its own, and that of an adapter's base. */
export function modelRoots(model: string): string[] {
  if (!isAbsolute(model)) return [];
  const base = adapterBase(model);
  return base !== undefined && isAbsolute(base) ? [model, base] : [model];
}
