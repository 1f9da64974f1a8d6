import { z } from "zod";
import type { ReferencePolicy } from "./reference.js";

/** How far a move within a stage goes. */
export const alphaSetting = z
  .number()
  .gt(0)
  .max(1)
  .default(1)
  .describe("Share of the policy in the new reference, above 0; 1 moves it hard, less moves it softly.");

/** The parts of a policy that moves the reference within stages and not at their openings. */
export function withinStages(name: string, alpha: number): Omit<ReferencePolicy, "move"> {
  return { name, soft: alpha < 1, moves: true, atOpen: (stage) => (stage === 0 ? "policy" : "keep") };
}
