import { z } from "zod";
import type { Curriculum, CurriculumPair, CurriculumState } from "./curriculum.js";
import { pace, pacingSettings } from "./pacing.js";
import { checkPairs, easyToHard } from "./pairs.js";
import { sampled } from "./shuffle.js";
import { trimSetting } from "./trim.js";

export const selfPacedSettings = z.strictObject({
  policy: z.literal("self-paced").describe("Batches from the pairs that the policy itself finds easy."),
  ...pacingSettings,
  start: z.number().gt(0).max(1).default(0.3).describe("Share of the pairs that is open at the first step."),
  trim: trimSetting,
});

/**
 * Samples every batch uniformly from the pairs that are easiest by the policy's own margins; their share grows with the
 * steps.
 *
 * A pair that was trained on since the reference last changed is ranked among its like by its latest margin, the largest
 * first; another by difficulty among all pairs. Both ranks are shares from 0 to 1, and pairs are opened from the
 * smallest rank on (ties: by row). It suits a reference that stays for many steps: each change of it makes the margins
 * worthless, and ranking starts over from difficulty.
 *
 * Source: self-paced learning (Kumar, Packer and Koller, NIPS 2010), which trains on the samples whose loss is below a
 * rising bound; a rising share instead of the bound, margins instead of losses, and difficulty for what is not yet
 * known are ours.
 */
export function selfPaced(settings: z.output<typeof selfPacedSettings>): Curriculum {
  return (pairs, run) => {
    checkPairs(pairs, run);
    const prior = easyToHard(pairs, "to rank what was not trained on yet");
    const { steps, open } = pace(settings, prior.length, run.effectiveBatch);
    const before = steps.map((_, stage) => steps.slice(0, stage).reduce((sum, count) => sum + count, 0));
    const rows = pairs.map(({ pair }: CurriculumPair) => pair).sort((a, b) => a - b);
    return {
      stages: steps.map((count, stage) => ({
        name: steps.length === 1 ? "all" : `part-${stage + 1}`,
        pairs: rows,
        padding: 0,
        steps: count,
      })),
      next({ stage, reports, margins }) {
        const step = (before[stage] ?? 0) + reports.length;
        const count = open(step);
        const easiest = byEase(prior, margins).slice(0, count);
        const known = easiest.filter((row) => margins.has(row)).length;
        return {
          pairs: sampled(easiest, run.effectiveBatch, run.seed, stage, step),
          reason: `easiest ${count} of ${rows.length} pairs, ${known} of them by the policy's margin`,
        };
      },
    };
  };
}

/** Rows from easy to hard by the policy's margins, or by `prior` where it has none yet. */
function byEase(prior: readonly number[], margins: CurriculumState["margins"]): number[] {
  const trained = [...margins].filter(([, margin]) => Number.isFinite(margin)).sort(([a, x], [b, y]) => y - x || a - b);
  const rank = new Map(prior.map((row, place) => [row, place / prior.length]));
  trained.forEach(([row], place) => {
    if (rank.has(row)) rank.set(row, place / trained.length);
  });
  return [...rank].sort(([a, x], [b, y]) => x - y || a - b).map(([row]) => row);
}
