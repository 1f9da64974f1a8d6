import { createHash } from "node:crypto";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../../errors.js";
import { sha256File } from "../../files/sha256.js";

/** Weights have a hash of their own; a model card says nothing to a model. */
const LEFT_OUT = /\.(safetensors|bin|pt|pth|gguf|h5|msgpack|md)$|^\./i;

/**
 * Hashes what lies beside a model's weights: configuration, tokenizer and chat template decide on answers too.
 *
 * @param folder - Folder of the model.
 * @returns SHA-256 over names and contents, lower-case hex.
 * @throws UserError when there is no such folder.
 */
export async function hashModelFiles(folder: string): Promise<string> {
  const names = await readdir(folder).catch(() => {
    throw new UserError(
      `model: ${folder} is no folder, expected one with config.json, safetensors and processor files`,
    );
  });
  const hash = createHash("sha256");
  for (const name of names.filter((each) => !LEFT_OUT.test(each)).sort()) {
    const path = join(folder, name);
    if ((await stat(path)).isFile()) hash.update(`${JSON.stringify(name)} ${await sha256File(path)}\n`);
  }
  return hash.digest("hex");
}
