import { createHash } from "node:crypto";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { sha256File } from "../files/sha256.js";

const READ = /\.(safetensors|json|jinja|txt|model)$/;

/**
 * What a saved model is known by: weights, configuration, tokeniser and processor, whatever the folder is called.
 *
 * @param folder - Of a saved model.
 * @returns 16 hexadecimal digits.
 */
export async function modelFolderHash(folder: string): Promise<string> {
  const hash = createHash("sha256");
  for (const name of (await readdir(folder)).filter((name) => READ.test(name)).sort()) {
    hash.update(`${name}\n${await sha256File(join(folder, name))}\n`);
  }
  return hash.digest("hex").slice(0, 16);
}
