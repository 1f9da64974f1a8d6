import { z } from "zod";
import type { ReferencePolicy } from "./reference.js";

export const eachStageSettings = z.strictObject({
  policy: z.literal("each-stage").describe("The reference is reset to the policy when a stage opens."),
});

/**
 * The reference is reset to the policy whenever a stage opens, and stays through the stage.
 *
 * Source: "staged reference reset" of SCPO (arXiv 2509.24491).
 */
export function eachStage(): ReferencePolicy {
  return { name: "each-stage", soft: false, moves: false, atOpen: () => "policy", move: () => null };
}
