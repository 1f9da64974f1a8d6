import { z } from "zod";
import type { Curriculum, CurriculumStage } from "./curriculum.js";
import { pace, pacingSettings } from "./pacing.js";
import { checkPairs, easyToHard } from "./pairs.js";
import { sampled } from "./shuffle.js";
import { trimSetting } from "./trim.js";

export const competenceSettings = z.strictObject({
  policy: z.literal("competence").describe("Batches from the easiest pairs, of which more and more are open."),
  ...pacingSettings,
  trim: trimSetting,
});

/**
 * Samples every batch uniformly from the easiest pairs; their share grows with the steps, whatever the policy has learned.
 *
 * Pairs are ranked by difficulty (ties: by row). A batch holds a pair once; between batches pairs are put back, as in
 * the paper, so that an epoch is a number of steps and not a pass.
 *
 * Source: competence-based curriculum learning, Platanios et al. 2019 (arXiv 1903.09848), algorithm 1; the stages, and
 * a batch as the least that is open, are ours.
 */
export function competenceBased(settings: z.output<typeof competenceSettings>): Curriculum {
  return (pairs, run) => {
    checkPairs(pairs, run);
    const ranked = easyToHard(pairs, "to open the easiest first");
    const { steps, open } = pace(settings, ranked.length, run.effectiveBatch);
    let done = 0;
    const stages = steps.map((count, stage): CurriculumStage => {
      const rows: number[] = [];
      for (let step = 0; step < count; step += 1, done += 1) {
        rows.push(...sampled(ranked.slice(0, open(done)), run.effectiveBatch, run.seed, stage, done));
      }
      return { name: steps.length === 1 ? "all" : `part-${stage + 1}`, pairs: rows, padding: 0 };
    });
    return { stages };
  };
}
