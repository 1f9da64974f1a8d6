import { z } from "zod";
import type { ReferencePolicy } from "./reference.js";

export const fixedSettings = z.strictObject({
  policy: z.literal("fixed").describe("One reference for the whole run."),
  start: z
    .enum(["policy", "initial"])
    .default("policy")
    .describe("The reference of the run: the policy when the first stage opens, or the initial model."),
});

/** One reference for the whole run, as in DPO (arXiv 2305.18290). */
export function fixed({ start }: z.output<typeof fixedSettings>): ReferencePolicy {
  return {
    name: "fixed",
    soft: false,
    moves: false,
    atOpen: (stage) => (stage === 0 ? start : "keep"),
    move: () => null,
  };
}
