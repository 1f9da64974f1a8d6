import { z } from "zod";
import { arranged } from "./arrange.js";
import type { Curriculum, CurriculumOrder, CurriculumRun, CurriculumStage } from "./curriculum.js";
import { curriculumOrders } from "./curriculum.js";
import { UserError } from "../errors.js";
import { levelNames, levels } from "./levels.js";
import { checkPairs } from "./pairs.js";
import { holdOut } from "./promotion/held-out.js";
import { promotionPolicy, promotionSettings } from "./promotion/registry.js";
import { replaySetting, withReplay } from "./replay.js";
import { shuffled } from "./shuffle.js";
import { trimSetting } from "./trim.js";

export const stagedSettings = z.strictObject({
  policy: z.literal("staged").describe("Stages by difficulty, shuffled inside."),
  order: z.enum(curriculumOrders).default("easy-to-hard").describe("Order of the stages; the last two are controls."),
  stages: z
    .int()
    .min(1)
    .optional()
    .describe("Number of stages; left out: as many as the pairs' `stage` column has. 1 takes all pairs together."),
  bounds: z
    .array(z.number().gt(0).lt(1))
    .min(1)
    .optional()
    .describe("Difficulties at which a harder stage begins, rising, in place of `stages`; above 0, below 1."),
  epochs: z.int().min(1).default(1).describe("How often each pair of a stage is used in it."),
  replay: replaySetting,
  promotion: promotionSettings.optional().describe("Ends a stage before its planned steps; left out: never."),
  trim: trimSetting,
});

/**
 * Stages of rising difficulty (or falling, or mixed as a control), shuffled inside a stage.
 *
 * Levels come from the pairs' `stage` column when it has `stages` of them (or that is left out); otherwise pairs are
 * ranked by difficulty (ties: by row) and cut into groups whose sizes differ by one at most, or are cut at `bounds`. `"shuffled"` keeps number
 * and sizes of the groups, and so the number of steps, but draws every group from all pairs. Inside a stage each epoch
 * uses every pair once, in an order of its own. A last batch that is not full is filled by repeating the stage's
 * sequence from its front.
 *
 * Source: three stages, easy to hard: SCPO (arXiv 2509.24491); the shuffle inside a stage is our reconstruction.
 */
export function staged(settings: z.output<typeof stagedSettings>): Curriculum {
  const { promotion } = settings;
  const promote = promotion === undefined ? {} : { promote: promotionPolicy(promotion) };
  return (pairs, run) => {
    checkPairs(pairs, run);
    if (settings.bounds !== undefined && settings.stages !== undefined) {
      throw new UserError("curriculum: found both stages and bounds, expected one of the two");
    }
    const sorted = levels(pairs, settings).map((rows) => Uint32Array.from(rows).sort());
    const stages = arranged(sorted, settings.order, run.seed);
    const names = stageNames(stages.length, settings.order);
    let earlier: number[] = [];
    const planned = stages.map((rows, stage): CurriculumStage => {
      const holds = promotion?.on === "held-out" && stage + 1 < stages.length;
      const { trained, heldOut } = holds
        ? holdOut(rows, promotion.share, run.seed, stage)
        : { trained: rows, heldOut: new Uint32Array() };
      const own = epochs(trained, settings.epochs, run, stage);
      const fed = withReplay({ own, earlier }, settings.replay, run.effectiveBatch, run.seed, stage);
      earlier = [...earlier, ...trained];
      return { name: names[stage] as string, ...fed, ...(holds ? { heldOut: [...heldOut] } : {}) };
    });
    return { stages: planned, ...promote };
  };
}

function stageNames(count: number, order: CurriculumOrder): string[] {
  if (order === "shuffled") return Array.from({ length: count }, (_, stage) => `mixed-${stage + 1}`);
  return order === "hard-to-easy" ? levelNames(count).reverse() : levelNames(count);
}

function epochs(rows: Uint32Array, count: number, { seed }: CurriculumRun, stage: number): number[] {
  return Array.from({ length: count }, (_, epoch) => [...shuffled(rows, seed, stage, epoch)]).flat();
}
