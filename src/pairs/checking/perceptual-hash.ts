import { openImage } from "../open-image.js";

const width = 9;
const height = 8;

/** Grey levels that compression changes in a plain place; less of a rise is none. */
const noise = 2;

/**
 * A hash that alike images share: whether the image, shrunk to 9 x 8 grey pixels, gets brighter from each pixel to
 * the next (dHash).
 *
 * @param bytes - An image file.
 * @returns 64 bits; hashes of the same image at another size or quality differ in a few.
 * @throws Error when the image cannot be decoded.
 */
export async function perceptualHash(bytes: Uint8Array): Promise<bigint> {
  const { pixels } = await openImage(bytes);
  const grey = await pixels.greyscale().resize(width, height, { fit: "fill", kernel: "mitchell" }).raw().toBuffer();
  let hash = 0n;
  for (let row = 0; row < height; row += 1) {
    for (let column = 0; column + 1 < width; column += 1) {
      const at = row * width + column;
      hash = (hash << 1n) | ((grey[at + 1] as number) - (grey[at] as number) > noise ? 1n : 0n);
    }
  }
  return hash;
}

/** Bits in which two hashes differ, 0 to 64. */
export function hashDistance(one: bigint, other: bigint): number {
  let different = one ^ other;
  let count = 0;
  for (; different !== 0n; different &= different - 1n) count += 1;
  return count;
}
