import type { ReferencePolicy } from "./reference.js";

/**
 * The reference is reset to the policy whenever a stage opens, and stays through the stage.
 *
 * Source: "staged reference reset" of SCPO (arXiv 2509.24491).
 */
export function eachStage(): ReferencePolicy {
  return { name: "each-stage", soft: false, atOpen: () => "policy", move: () => null };
}
