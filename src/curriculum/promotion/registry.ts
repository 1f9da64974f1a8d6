import { z } from "zod";
import type { Promote } from "../curriculum.js";
import { heldOut, heldOutSettings } from "./held-out.js";
import { plateau, plateauSettings } from "./plateau.js";

/** Settings of what ends a stage early. */
export const promotionSettings = z.discriminatedUnion("on", [plateauSettings, heldOutSettings]);

export type PromotionSettings = z.output<typeof promotionSettings>;

type Builders = {
  readonly [On in PromotionSettings["on"]]: (settings: Extract<PromotionSettings, { on: On }>) => Promote;
};

const builders: Builders = { plateau, "held-out": heldOut };

/** Builds a promotion from its checked settings. */
export function promotionPolicy(settings: PromotionSettings): Promote {
  const build = builders[settings.on] as (settings: PromotionSettings) => Promote;
  return build(settings);
}
