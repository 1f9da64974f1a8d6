import { existsSync, readFileSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { UserError } from "../errors.js";
import { EMBEDDED_MODEL_FOLDER } from "../package-root.js";

/**
 * The folder of a model as the command line names it: a folder, `embedded`, or the name of a model that is in the local
 * cache of the Hugging Face hub. Nothing is downloaded.
 *
 * @param flag - The option, for the error.
 * @param text - Its value.
 * @param environment - Says where the cache lies.
 * @throws UserError when there is no such model here.
 */
export function modelFolder(flag: string, text: string, environment: NodeJS.ProcessEnv = process.env): string {
  if (text === "embedded") return EMBEDDED_MODEL_FOLDER;
  if (isFolder(text)) return resolve(text);
  if (!/^[\w.-]+\/[\w.-]+$/.test(text)) {
    throw new UserError(`${flag}: found no folder ${text}, expected that of a model, its name on the hub, or embedded`);
  }
  const cache = hubCache(environment);
  const folder = join(cache, `models--${text.replace("/", "--")}`);
  const reference = join(folder, "refs", "main");
  const snapshot = existsSync(reference)
    ? join(folder, "snapshots", readFileSync(reference, "utf8").trim())
    : undefined;
  if (snapshot !== undefined && isFolder(snapshot)) return snapshot;
  throw new UserError(
    `${flag}: found neither a folder ${text} nor a model of this name in ${cache}: download it with hf download ${text}`,
  );
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

// https://huggingface.co/docs/huggingface_hub/package_reference/environment_variables
function hubCache(environment: NodeJS.ProcessEnv): string {
  const { HF_HUB_CACHE: hub, HF_HOME: home, XDG_CACHE_HOME: cache } = environment;
  return resolve(hub ?? join(home ?? join(cache ?? join(homedir(), ".cache"), "huggingface"), "hub"));
}
