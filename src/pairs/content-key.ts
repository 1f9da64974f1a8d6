import { createHash } from "node:crypto";
import type { PairRow } from "./pair-row.js";

/**
 * Names a pair by what it says and shows: texts and bytes of the images, not its id, kind, signals, difficulty or stage.
 *
 * @returns 27 characters of the SHA-256, 162 bits.
 */
export function contentKey({
  images,
  rejectedImages,
  prompt,
  chosen,
  rejected,
}: Pick<PairRow, "images" | "rejectedImages" | "prompt" | "chosen" | "rejected">): string {
  const hash = createHash("sha256");
  // Otherwise two pictures might be the two sides of a pair.
  if (images.length > 1) hash.update(`${images.length} images:`);
  for (const part of [
    ...images,
    ...(rejectedImages ?? []),
    ...[prompt, chosen, rejected ?? ""].map((text) => Buffer.from(text)),
  ]) {
    hash.update(`${part.length}:`).update(part);
  }
  return hash.digest("base64url").slice(0, 27);
}
