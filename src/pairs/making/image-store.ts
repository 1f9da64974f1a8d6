import { createHash } from "node:crypto";
import { type FileHandle, open, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { temporaryBeside } from "../../files/write-atomically.js";
import { makeFolder } from "../../files/writable.js";

/** Keeps images in one file on the disk, each once, so that any of them can be taken at any time. */
export class ImageStore {
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #numbers = new Map<string, number>();
  /** Where each image begins; the last entry is where the next will. */
  readonly #starts: number[] = [0];

  private constructor(path: string, file: FileHandle) {
    this.#path = path;
    this.#file = file;
  }

  /**
   * Makes an empty store beside a file; {@link close} takes it away.
   *
   * @param beside - Names the folder, whose disk must have room for the images.
   */
  static async open(beside: string): Promise<ImageStore> {
    await makeFolder(dirname(beside));
    const path = temporaryBeside(beside, "pictures");
    return new ImageStore(path, await open(path, "wx+"));
  }

  /**
   * Adds an image.
   *
   * @param image - Bytes of its file.
   * @returns Its number; equal images share one.
   */
  async add(image: Uint8Array): Promise<number> {
    const hash = createHash("sha256").update(image).digest("base64").slice(0, 24);
    const known = this.#numbers.get(hash);
    if (known !== undefined) return known;
    const number = this.#starts.length - 1;
    const start = this.#starts[number] as number;
    this.#numbers.set(hash, number);
    this.#starts.push(start + image.length);
    for (let written = 0; written < image.length;) {
      const { bytesWritten } = await this.#file.write(image, written, image.length - written, start + written);
      written += bytesWritten;
    }
    return number;
  }

  /** Takes the image of a number. */
  async get(number: number): Promise<Uint8Array> {
    const start = this.#starts[number] as number;
    const image = new Uint8Array((this.#starts[number + 1] as number) - start);
    for (let read = 0; read < image.length;) {
      const { bytesRead } = await this.#file.read(image, read, image.length - read, start + read);
      if (bytesRead === 0) throw new Error(`${this.#path} was cut off`);
      read += bytesRead;
    }
    return image;
  }

  /** Removes the file. */
  async close(): Promise<void> {
    await this.#file.close();
    await rm(this.#path, { force: true });
  }
}
