import { createHash } from "node:crypto";
import { readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isLeftover, temporaryBeside } from "../../files/write-atomically.js";
import { imageExtension } from "../image-bytes.js";
import { makeFolder } from "../../files/writable.js";

/** A folder of image files that are named by their content, so that writing one again changes nothing. */
export class ImageFolder {
  readonly #root: string;
  readonly #made = new Set<string>();

  /** @param root - Folder that holds the folder `images`. */
  constructor(root: string) {
    this.#root = root;
  }

  /** Writes images, as `add` writes one, and gives their paths in their order. */
  async addAll(images: readonly Uint8Array[]): Promise<string[]> {
    const paths: string[] = [];
    // One after another: equal ones are written once.
    for (const image of images) paths.push(await this.add(image));
    return paths;
  }

  /**
   * Writes an image unless it is there.
   * @param bytes - A PNG, JPEG or WebP file.
   * @returns Its path relative to the root, with `/`.
   */
  async add(bytes: Uint8Array): Promise<string> {
    const name = createHash("sha256").update(bytes).digest("hex").slice(0, 40);
    const folder = `images/${name.slice(0, 2)}`;
    const path = `${folder}/${name}.${imageExtension(bytes)}`;
    const whole = join(this.#root, path);
    if (!this.#made.has(folder)) {
      await makeFolder(join(this.#root, folder));
      for (const name of await readdir(join(this.#root, folder))) {
        // A killed process left it.
        if (isLeftover(name)) await rm(join(this.#root, folder, name), { force: true });
      }
      this.#made.add(folder);
    }
    const found = await stat(whole).catch(() => null);
    if (found?.size === bytes.length) return path;
    const temporary = temporaryBeside(whole);
    await writeFile(temporary, bytes);
    await rename(temporary, whole);
    return path;
  }
}
