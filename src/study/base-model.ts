import { existsSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../errors.js";
import { EMBEDDED_MODEL_FOLDER } from "../package-root.js";
import { sha256File } from "../files/sha256.js";
import type { DataFile } from "./job.js";

/**
 * The embedded base model: its folder and the hash of its weights.
 *
 * @throws UserError when there are no weights.
 */
export async function baseModel(): Promise<DataFile> {
  const weights = join(EMBEDDED_MODEL_FOLDER, "model.safetensors");
  if (!existsSync(weights)) {
    throw new UserError(`${weights}: no such file; expected the embedded base model. Train it again: npx scpo base`);
  }
  return { path: EMBEDDED_MODEL_FOLDER, sha256: await sha256File(weights) };
}
