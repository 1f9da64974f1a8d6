import { expect } from "chai";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Trainer } from "../../src/backend/trainer.js";
import { gradePairsFile } from "../../src/difficulty/grade-pairs-file.js";
import { importPairs } from "../../src/pairs/import/import-pairs.js";
import { importerNamed } from "../../src/pairs/import/registry.js";
import type { PairRow } from "../../src/pairs/pair-row.js";
import { readPairs, streamPairRows, writePairRows } from "../../src/pairs/pair-rows.js";
import { sha256File } from "../../src/files/sha256.js";
import { direct } from "../../src/run/direct.js";
import { PUBLISHED_SETS, publishedSets, type PublishedSet, settingsOf } from "../fixtures/published-sets.js";
import { type TinyWorld, tinyWorld } from "../fixtures/tiny-run.js";

async function rowsOf(path: string): Promise<PairRow[]> {
  const rows: PairRow[] = [];
  for await (const row of streamPairRows(path)) rows.push(row);
  return rows;
}

/** Takes what a pair lacks from another pair: the picture, and the text that is true of it. */
function completed(rows: readonly PairRow[], spare: PairRow): PairRow[] {
  const all = [...rows, spare];
  return rows.map((row) => {
    const other = all.find(({ chosen }) => chosen === (row.rejected ?? chosen) && chosen !== row.chosen) ?? spare;
    return {
      ...row,
      rejected: row.rejected ?? other.chosen,
      rejectedImages: row.rejectedImages ?? other.images,
      rejectedOrigin: row.rejectedOrigin ?? "another pair",
      rejectedImagesOrigin: row.rejectedImagesOrigin ?? "another pair",
    };
  });
}

describe("training from imported pairs", function () {
  this.timeout(180_000);
  let world: TinyWorld;
  let trainer: Trainer;
  let root: string;
  let spare: PairRow;

  before(async () => {
    [world, root] = await Promise.all([tinyWorld(), publishedSets()]);
    trainer = await world.boot();
    const [first] = await rowsOf(world.pairs.path);
    spare = first as PairRow;
  });
  after(() => trainer.stop());

  const formats = new Set(PUBLISHED_SETS.map(({ format }) => format));
  for (const format of formats) {
    const set = PUBLISHED_SETS.find((each) => each.format === format) as PublishedSet;
    it(`works from ${format}`, async () => {
      const folder = join(world.folder, `imported-${format}`);
      await mkdir(folder);
      const [imported, whole, graded] = ["imported", "whole", "graded"].map((name) => join(folder, `${name}.parquet`));
      await importPairs({
        importer: importerNamed(format),
        source: join(root, set.source),
        out: imported as string,
        settings: settingsOf(set, root),
      });
      const rows = completed(await rowsOf(imported as string), spare);
      // Ready signals: the first pair the easiest.
      const signals = (at: number): PairRow["signals"] => ({ entropy: at, image_similarity: at });
      await writePairRows(
        whole as string,
        rows.map((row, at) => ({ ...row, signals: signals(at) })),
      );
      const stages = Math.min(rows.length, 2);
      await gradePairsFile({ pairs: whole as string, out: graded as string, stages });
      const path = graded as string;
      const pairs = await readPairs(path, { images: true });
      const difficulties = pairs.map(({ difficulty }) => difficulty as number);
      expect(difficulties).to.deep.equal([...difficulties].sort((a, b) => a - b));
      const plan = world.plan(`from-${format}`);
      const summary = await direct(trainer, {
        ...plan,
        dataset: { path, sha256: await sha256File(path) },
        gradientAccumulationSteps: 1,
        stages: Array.from({ length: stages }, (_, stage) => ({
          ...(plan.stages[0] as (typeof plan.stages)[number]),
          name: `stage-${stage}`,
          pairs: pairs.flatMap((pair, at) => (pair.stage === stage ? [at] : [])).slice(0, 1),
        })),
      });
      expect(summary).to.include({ outcome: "completed", steps: stages });
      expect(summary.checkpoints.at(-1)?.weightsSha256).not.to.equal(summary.initialWeightsSha256);
    });
  }
});
