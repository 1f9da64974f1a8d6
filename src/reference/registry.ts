import { z } from "zod";
import { checkSettings } from "../check-settings.js";
import { eachStage, eachStageSettings } from "./each-stage.js";
import { everyNSteps, everyNStepsSettings } from "./every-n-steps.js";
import { fixed, fixedSettings } from "./fixed.js";
import { klBound, klBoundSettings } from "./kl-bound.js";
import { marginSaturated, marginSaturatedSettings } from "./margin-saturated.js";
import type { ReferencePolicy } from "./reference.js";

/** Settings of each reference policy, by its name. */
export const referenceSettings = z.discriminatedUnion("policy", [
  eachStageSettings,
  fixedSettings,
  everyNStepsSettings,
  klBoundSettings,
  marginSaturatedSettings,
]);

/** Settings of a reference policy; omitted ones take their defaults. */
export type ReferenceSettings = z.input<typeof referenceSettings>;

/** Settings of a reference policy with every default filled in. */
type CheckedReferenceSettings = z.output<typeof referenceSettings>;

type Builders = {
  readonly [Name in CheckedReferenceSettings["policy"]]: (
    settings: Extract<CheckedReferenceSettings, { policy: Name }>,
  ) => ReferencePolicy;
};

const builders: Builders = {
  "each-stage": eachStage,
  fixed,
  "every-n-steps": everyNSteps,
  "kl-bound": klBound,
  "margin-saturated": marginSaturated,
};

/** Names of the reference policies. */
export const referencePolicyNames = Object.keys(builders) as ReferenceSettings["policy"][];

/**
 * Builds a reference policy from its settings.
 *
 * @throws UserError when the policy is unknown or a setting is out of range.
 */
export function referencePolicy(settings: ReferenceSettings): ReferencePolicy {
  const checked = checkSettings(referenceSettings, settings, "reference");
  const build = builders[checked.policy] as (settings: CheckedReferenceSettings) => ReferencePolicy;
  return build(checked);
}
