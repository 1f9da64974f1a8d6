import { UserError } from "../errors.js";
import { eachStage } from "./each-stage.js";
import { everyNSteps } from "./every-n-steps.js";
import { fixed } from "./fixed.js";
import type { ReferencePolicy } from "./reference.js";

/** Settings of a reference policy. */
export type ReferenceSettings =
  | { readonly policy: "each-stage" }
  | { readonly policy: "fixed"; readonly start?: "policy" | "initial" }
  | { readonly policy: "every-n-steps"; readonly steps: number; readonly alpha?: number };

type Builders = {
  readonly [Name in ReferenceSettings["policy"]]: (
    settings: Extract<ReferenceSettings, { policy: Name }>,
  ) => ReferencePolicy;
};

const builders: Builders = { "each-stage": eachStage, fixed, "every-n-steps": everyNSteps };

/** Names of the reference policies. */
export const referencePolicyNames = Object.keys(builders) as ReferenceSettings["policy"][];

/**
 * Builds a reference policy from its settings.
 *
 * @throws UserError when the policy is unknown or a setting is out of range.
 */
export function referencePolicy(settings: ReferenceSettings): ReferencePolicy {
  if (!Object.hasOwn(builders, settings.policy)) {
    throw new UserError(
      `reference.policy: found "${settings.policy}", expected one of ${referencePolicyNames.join(", ")}`,
    );
  }
  const build = builders[settings.policy] as (settings: ReferenceSettings) => ReferencePolicy;
  return build(settings);
}
