import type { ReferencePolicy } from "./reference.js";

export interface FixedOptions {
  /** The reference of the whole run: the policy when the first stage opens (default), or the initial model. */
  readonly start?: "policy" | "initial";
}

/** One reference for the whole run, as in DPO (arXiv 2305.18290). */
export function fixed(options: FixedOptions = {}): ReferencePolicy {
  const start = options.start ?? "policy";
  return { name: "fixed", soft: false, atOpen: (stage) => (stage === 0 ? start : "keep"), move: () => null };
}
