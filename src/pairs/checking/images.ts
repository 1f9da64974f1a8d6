import type { Cell, Row } from "../table.js";
import { contentDigest } from "./hash-list.js";
import { openImage, ImageError } from "../open-image.js";
import { perceptualHash } from "./perceptual-hash.js";

/** What was seen of a row's images. */
export interface Looked {
  readonly faults: string[];
  readonly small: string[];
  readonly same: boolean;
  /** Perceptual hash of each of `images`; of one that cannot be decoded a digest of its bytes. */
  readonly hashes: readonly bigint[];
  readonly images: readonly Uint8Array[];
  readonly rejectedImages: readonly Uint8Array[];
}

/**
 * Decodes a row's images.
 *
 * @param smallestSide - Images with a shorter side are findings, pixels.
 */
export async function lookAt(row: Row, smallestSide: number): Promise<Looked> {
  const [faults, small]: [string[], string[]] = [[], []];
  const images = imagesOf(row["images"] ?? null);
  const rejectedImages = imagesOf(row["rejected_images"] ?? null);
  const hashes = images.map((image) => contentDigest(image));
  for (const [column, list] of Object.entries({ images, rejected_images: rejectedImages })) {
    for (const [at, bytes] of list.entries()) {
      try {
        const { width, height } = await openImage(bytes);
        if (Math.min(width, height) < smallestSide) small.push(`${column}[${at}] is ${width} x ${height}`);
        if (column === "images") hashes[at] = await perceptualHash(bytes);
      } catch (error) {
        const reason = error instanceof Error ? error.message.replaceAll(/\s+/g, " ") : String(error);
        faults.push(`${column}[${at}] ${error instanceof ImageError ? reason : `cannot be decoded (${reason})`}`);
      }
    }
  }
  const [count, theirs] = [images.length, rejectedImages.length];
  if (count === 0) faults.push("images holds no pictures, expected one or several");
  if (row["rejected_images"] !== null && theirs !== count)
    faults.push(`rejected_images holds ${theirs}, images ${count}`);
  const same =
    count > 0 &&
    count === theirs &&
    images.every((image, at) => Buffer.compare(image, rejectedImages[at] ?? image) === 0);
  return { faults, small, same, hashes, images, rejectedImages };
}

/** The images of a cell; none where it is empty. */
export function imagesOf(cell: Cell): readonly Uint8Array[] {
  return (cell as readonly Uint8Array[] | null) ?? [];
}
