import { openImage } from "../pairs/open-image.js";
import { wordsOf } from "../pairs/checking/word-difference.js";

/**
 * Words that have to be put in, taken out or replaced to make one text of the other (Levenshtein), as a share of the
 * longer text's words: 0 for equal words, 1 for nothing in common.
 *
 * @returns 0 for two texts without words.
 */
export function wordEditDistance(chosen: string, rejected: string): number {
  const [one, other] = [wordsOf(chosen), wordsOf(rejected)];
  const longest = Math.max(one.length, other.length);
  if (longest === 0) return 0;
  let before = Array.from({ length: other.length + 1 }, (_, at) => at);
  for (const [row, word] of one.entries()) {
    const now = [row + 1];
    for (let at = 1; at <= other.length; at += 1) {
      const replaced = (before[at - 1] as number) + (word === other[at - 1] ? 0 : 1);
      now.push(Math.min(replaced, (before[at] as number) + 1, (now[at - 1] as number) + 1));
    }
    before = now;
  }
  return (before[other.length] as number) / longest;
}

const side = 32;

/**
 * Mean absolute difference of two images' pixels, both shrunk to 32 x 32 in red, green and blue: 0 for equal
 * images, 1 for black and white.
 *
 * @throws Error when an image cannot be decoded.
 */
export async function imageDifference(one: Uint8Array, other: Uint8Array): Promise<number> {
  const [a, b] = await Promise.all([pixelsOf(one), pixelsOf(other)]);
  let sum = 0;
  for (let at = 0; at < a.length; at += 1) sum += Math.abs((a[at] as number) - (b[at] as number));
  return sum / a.length / 255;
}

async function pixelsOf(bytes: Uint8Array): Promise<Buffer> {
  const { pixels } = await openImage(bytes);
  return pixels.resize(side, side, { fit: "fill" }).raw().toBuffer();
}
