import { statSync } from "node:fs";
import { resolve } from "node:path";
import { UserError } from "../errors.js";
import { cachedModel, hubCache, hubModel } from "../files/hub-model.js";
import { EMBEDDED_MODEL_FOLDER } from "../package-root.js";

/**
 * The folder of a model as the command line names it: a folder, `embedded`, or the name of a model that is in the local
 * cache of the Hugging Face hub, with `@revision` or without. Nothing is downloaded.
 *
 * @param flag - The option, for the error.
 * @param text - Its value.
 * @param environment - Says where the cache lies.
 * @throws UserError when there is no such model here.
 */
export function modelFolder(flag: string, text: string, environment: NodeJS.ProcessEnv = process.env): string {
  if (text === "embedded") return EMBEDDED_MODEL_FOLDER;
  if (statSync(text, { throwIfNoEntry: false })?.isDirectory() === true) return resolve(text);
  const named = hubModel(text);
  if (named === null) {
    throw new UserError(`${flag}: found no folder ${text}, expected that of a model, its name on the hub, or embedded`);
  }
  const snapshot = cachedModel(named, environment);
  if (snapshot !== undefined) return snapshot;
  const { name, revision } = named;
  throw new UserError(
    `${flag}: found neither a folder ${text} nor a model of this name in ${hubCache(environment)}: download it with ` +
      `hf download ${name}${revision === undefined ? "" : ` --revision ${revision}`}`,
  );
}
