import { open, rm } from "node:fs/promises";
import { replaceAtomically } from "../files/write-atomically.js";
import type { PairRow } from "./pair-row.js";
import { writePairRows } from "./pair-rows.js";
import type { Column } from "./table.js";

class NothingWritten extends Error {}

/**
 * Writes a pairs file, and into a quarantine file of JSON lines what has no place in it.
 *
 * @param out - Pairs file; not written where there is no row for it.
 * @param quarantine - Left away where nothing is refused.
 * @param own - Columns of the user's own that the rows hold.
 * @param rows - Rows of the pairs file; it is given what puts an entry into the quarantine.
 */
export async function writeWithQuarantine(
  out: string,
  quarantine: string,
  own: readonly Column[],
  rows: (refuse: (entry: object) => Promise<void>) => AsyncIterable<PairRow>,
): Promise<void> {
  let refused = 0;
  await replaceAtomically(quarantine, async (path) => {
    const file = await open(path, "w");
    const refuse = async (entry: object): Promise<void> => {
      refused += 1;
      await file.write(`${JSON.stringify(entry)}\n`);
    };
    const written = async function* (): AsyncGenerator<PairRow, void, undefined> {
      let count = 0;
      for await (const row of rows(refuse)) {
        count += 1;
        yield row;
      }
      // A pairs file without a row is none.
      if (count === 0) throw new NothingWritten();
    };
    try {
      await writePairRows(out, written(), own);
    } catch (error) {
      if (!(error instanceof NothingWritten)) throw error;
    } finally {
      await file.close();
    }
  });
  if (refused === 0) await rm(quarantine);
}
