import { readFile, realpath } from "node:fs/promises";
import { isAbsolute, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { UserError } from "../../errors.js";
import { shown } from "../../files/rows.js";
import { LARGEST_IMAGE } from "../../generated/rules.js";
import { imageFault } from "../image-bytes.js";
import { type ImageCell, RowFault } from "./importer.js";
import { describe } from "./row-fields.js";

const DATA_URI = /^data:image\/[\w.+-]+(?:;[\w-]+=[^;,]*)*;base64,/i;

const BASE64 = /^[A-Za-z0-9+/\s]+={0,2}\s*$/;
const FILE_ADDRESS = /^file:\/\/\/[^/]/i;

/** Fetches the images that rows hold or name. */
export class ImageSource {
  readonly #folders: readonly string[];

  private constructor(folders: readonly string[]) {
    this.#folders = folders;
  }

  /**
   * @param folders - Folders that images may lie in; relative paths are looked up in them in turn.
   * @throws UserError when one is missing.
   */
  static async open(folders: readonly string[]): Promise<ImageSource> {
    const roots = folders.map(async (folder) =>
      realpath(folder).catch(() => {
        throw new UserError(`${folder}: no such folder, expected the folder of the pictures; check --images`);
      }),
    );
    return new ImageSource(await Promise.all(roots));
  }

  /**
   * Fetches the images of a cell, one or several.
   * @returns Bytes of PNG, JPEG or WebP files.
   * @throws RowFault when there is none, or one cannot be read, is damaged or of another format.
   */
  async fetch({ field, value }: ImageCell): Promise<Uint8Array[]> {
    if (!Array.isArray(value)) return [await this.#fetchOne(value, field)];
    if (value.length === 0) throw new RowFault(field, "holds 0 pictures, expected one or several");
    return Promise.all(value.map((one, at) => this.#fetchOne(one, `${field}[${at}]`)));
  }

  async #fetchOne(value: unknown, field: string): Promise<Uint8Array> {
    const bytes = await this.#bytes(value, field);
    const fault = imageFault(bytes);
    if (fault === null) return bytes;
    const rewritten = await asPng(bytes);
    if (rewritten !== null) return rewritten;
    throw new RowFault(field, `${fault}, expected a complete PNG, JPEG or WebP file`);
  }

  async #bytes(value: unknown, field: string): Promise<Uint8Array> {
    if (value instanceof Uint8Array) return value;
    if (typeof value === "string") return this.#read(value, field);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      const { bytes, path } = value as { bytes?: unknown; path?: unknown };
      if (bytes instanceof Uint8Array) return bytes;
      if (typeof bytes === "string" && BASE64.test(bytes)) return new Uint8Array(Buffer.from(bytes, "base64"));
      if (typeof path === "string") return this.#read(path, `${field}.path`);
    }
    throw new RowFault(field, `found ${describe(value)}, expected a picture: its bytes, path or data URI`);
  }

  async #read(name: string, field: string): Promise<Uint8Array> {
    const uri = DATA_URI.exec(name)?.[0];
    if (uri !== undefined) return new Uint8Array(Buffer.from(name.slice(uri.length), "base64"));
    const path = pathOfAddress(name);
    if (path !== null) return this.#read(path, field);
    if (/^\w+:\/\//.test(name)) {
      throw new RowFault(field, `${shown(name)} is an address, expected a file: download the pictures first`);
    }
    for (const root of this.#folders) {
      // A link may lead out of the folder, so the place that counts is the real one.
      const path = await realpath(resolve(root, name)).catch(() => null);
      if (path === null) continue;
      if (!within(root, path)) continue;
      const bytes = await readFile(path).catch(() => null);
      if (bytes !== null) return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }
    const hint = isAbsolute(name) ? "name its folder with --images" : "check --images";
    throw new RowFault(
      field,
      `${shown(name)} is no file in ${this.#folders.map((root) => shown(root)).join(" or ")}; ${hint}`,
    );
  }
}

/** The path that a `file:///` address names; null for anything else. */
function pathOfAddress(name: string): string | null {
  if (!FILE_ADDRESS.test(name)) return null;
  try {
    return fileURLToPath(name);
  } catch {
    return null;
  }
}

/** A GIF (its first image), TIFF or AVIF file as PNG; null for others, and for damaged ones. */
async function asPng(bytes: Uint8Array): Promise<Uint8Array | null> {
  try {
    const { format, width, height } = await sharp(bytes, { limitInputPixels: LARGEST_IMAGE }).metadata();
    if (!["gif", "tiff", "heif"].includes(format) || width * height > LARGEST_IMAGE) return null;
    return new Uint8Array(await sharp(bytes, { failOn: "error" }).keepMetadata().png().toBuffer());
  } catch {
    return null;
  }
}

function within(root: string, path: string): boolean {
  const way = relative(root, path);
  return way !== "" && way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}
