import { UserError } from "../../errors.js";
import { type Column, streamTable } from "../table.js";
import type { Findings } from "./findings.js";
import { equalEntries, HashList } from "./hash-list.js";
import { nearDuplicates } from "./near-duplicates.js";
import { perceptualHash } from "./perceptual-hash.js";
import { imagesOf } from "./images.js";

const nearLimit = 1_000_000;
/** Images of an evaluation set that are decoded at a time. */
const batchImages = 64;

/** What repeats are found by: an entry a row, or an image of `images`. */
export interface Seen {
  readonly ids: HashList;
  readonly rows: HashList;
  /** Perceptual hashes of images. */
  readonly hashes: HashList;
  /** Digests of their bytes. */
  readonly files: HashList;
  /** The row that each image is of. */
  readonly rowOf: number[];
  readonly names: string[];
}

/** Tells rows that repeat an earlier row or its id, or whose image is nearly an earlier one. */
export function tellRepeats(seen: Seen, findings: Findings, distance: number): void {
  const example = (row: number, text: string) => ({ row, id: seen.names[row] as string, text });
  for (const [first, ...others] of equalEntries(seen.ids.values())) {
    for (const row of others) findings.row("id", example(row, `also row ${first}`));
  }
  for (const [first, ...others] of equalEntries(seen.rows.values())) {
    for (const row of others) findings.row("duplicate", example(row, `as row ${first}`));
  }
  const files = seen.files.values();
  const { found, complete } = nearDuplicates(seen.hashes.values(), { distance, limit: nearLimit });
  const told = new Set<number>();
  for (const { first, second, distance: bits } of found) {
    // One image may well stand in several pairs.
    const [earlier, row] = [seen.rowOf[first] as number, seen.rowOf[second] as number];
    if (files[first] === files[second] || earlier === row || told.has(row)) continue;
    told.add(row);
    findings.row("near-duplicate", example(row, `${bits} of 64 bits from row ${earlier}`));
  }
  if (!complete) findings.whole("near-duplicates", "very many pictures are alike; not all of them were compared");
}

/**
 * Tells rows whose image is nearly one of an evaluation set.
 *
 * @param path - Parquet file with a column `image` or `images`.
 * @throws UserError when it has no images.
 */
export async function tellLeaks(
  path: string,
  seen: Seen,
  findings: Findings,
  distance: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const hashes = new HashList();
  const columns: readonly Column[] = [
    { name: "images", kind: "images", optional: true },
    { name: "image", kind: "image", optional: true },
  ];
  let images = 0;
  for await (const batch of inBatches(streamTable(path, columns), batchImages)) {
    signal?.throwIfAborted();
    const found = batch.flatMap((row): readonly (Uint8Array | null)[] => {
      const list = imagesOf(row["images"] ?? null);
      return list.length > 0 ? list : [row["image"] as Uint8Array | null];
    });
    for (const hash of await Promise.all(found.map((bytes) => quietHash(bytes)))) {
      if (hash === null) continue;
      hashes.push(hash);
      images += 1;
    }
  }
  if (images === 0) {
    throw new UserError(
      `${path} holds no pictures in a column image or images; expected an evaluation set with pictures`,
    );
  }
  const own = seen.hashes.values();
  const together = new BigUint64Array(images + own.length);
  together.set(hashes.values());
  together.set(own, images);
  const { found, complete } = nearDuplicates(together, { distance, from: images, limit: nearLimit });
  const told = new Set<number>();
  for (const { first, second, distance: bits } of found) {
    const row = seen.rowOf[second - images] as number;
    if (first >= images || told.has(row)) continue;
    told.add(row);
    const text = `${bits} of 64 bits from picture ${first} of ${path}`;
    findings.row("evaluation-leak", { row, id: seen.names[row] as string, text });
  }
  if (!complete) findings.whole("evaluation-leaks", `very many pictures are alike; not all were compared with ${path}`);
}

async function quietHash(bytes: Uint8Array | null): Promise<bigint | null> {
  return bytes === null ? null : perceptualHash(bytes).catch(() => null);
}

/** Items in groups of `size`. */
export async function* inBatches<T>(items: AsyncIterable<T>, size: number): AsyncGenerator<T[], void, undefined> {
  let batch: T[] = [];
  for await (const item of items) {
    batch.push(item);
    if (batch.length < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
