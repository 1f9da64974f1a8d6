import type { Cell, Row } from "../table.js";
import { contentDigest } from "./hash-list.js";
import { openImage, ImageError } from "../open-image.js";
import { perceptualHash } from "./perceptual-hash.js";

/** What was seen of a row's images. */
export interface Looked {
  readonly faults: string[];
  readonly small: string[];
  readonly same: boolean;
  readonly hash: bigint;
  readonly file: Uint8Array;
  readonly rejectedFile: Uint8Array;
}

const nothing = new Uint8Array();

/**
 * Decodes a row's images.
 *
 * @param smallestSide - Images with a shorter side are findings, pixels.
 */
export async function lookAt(row: Row, smallestSide: number): Promise<Looked> {
  const [faults, small]: [string[], string[]] = [[], []];
  const file = onlyImage(row["images"] ?? null) ?? nothing;
  const rejectedFile = onlyImage(row["rejected_images"] ?? null);
  let hash = contentDigest(file);
  for (const [column, bytes] of [
    ["images", file],
    ["rejected_images", rejectedFile],
  ] as const) {
    if (bytes === null) continue;
    try {
      const { width, height } = await openImage(bytes);
      if (Math.min(width, height) < smallestSide) small.push(`${column}[0] is ${width} x ${height}`);
      const own = await perceptualHash(bytes);
      if (column === "images") hash = own;
    } catch (error) {
      const reason = error instanceof Error ? error.message.replaceAll(/\s+/g, " ") : String(error);
      faults.push(`${column}[0] ${error instanceof ImageError ? reason : `cannot be decoded (${reason})`}`);
    }
  }
  const same = rejectedFile !== null && rejectedFile.length > 0 && Buffer.compare(file, rejectedFile) === 0;
  return { faults, small, same, hash, file, rejectedFile: rejectedFile ?? nothing };
}

/** The image of a cell; null where there is none. */
export function onlyImage(cell: Cell): Uint8Array | null {
  return cell === null ? null : ((cell as readonly Uint8Array[])[0] ?? nothing);
}
