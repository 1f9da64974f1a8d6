import { open } from "node:fs/promises";
import sharp from "sharp";

/** Kinds of images that models' processors read and this decoder does not. */
const UNDECODED = ["BM"];

/**
 * Decodes an image file.
 *
 * @param path - The file.
 * @returns Why it cannot be decoded; null where it can, or is of a kind that is not looked at here.
 */
export async function damageOf(path: string): Promise<string | null> {
  try {
    // A small size lets the decoder leave most of the arithmetic of a JPEG out, and reads all of the file.
    await sharp(path, { failOn: "error", limitInputPixels: false }).resize(16, 16, { fit: "fill" }).raw().toBuffer();
    return null;
  } catch (error) {
    const beginning = await firstBytes(path);
    if (beginning.length === 0) return "the file is empty";
    if (UNDECODED.some((magic) => beginning.toString("latin1").startsWith(magic))) return null;
    const reason = (error instanceof Error ? error.message : String(error)).replaceAll(path, "").replace(/\s+/g, " ");
    return reason.replace(/^[:\s]+/, "").trim();
  }
}

async function firstBytes(path: string): Promise<Buffer> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(16) });
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
