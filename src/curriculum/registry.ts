import { z } from "zod";
import { checkSettings } from "../check-settings.js";
import { competenceBased, competenceSettings } from "./competence.js";
import type { Curriculum } from "./curriculum.js";
import { selfPaced, selfPacedSettings } from "./self-paced.js";
import { staged, stagedSettings } from "./staged.js";
import { trimmed } from "./trim.js";

/** Settings of each curriculum, by the name of its policy. */
export const curriculumSettings = z.discriminatedUnion("policy", [
  stagedSettings,
  competenceSettings,
  selfPacedSettings,
]);

/** Settings of a curriculum; omitted ones take their defaults. */
export type CurriculumSettings = z.input<typeof curriculumSettings>;

/** Settings of a curriculum with every default filled in. */
type CheckedCurriculumSettings = z.output<typeof curriculumSettings>;

type Builders = {
  readonly [Name in CheckedCurriculumSettings["policy"]]: (
    settings: Extract<CheckedCurriculumSettings, { policy: Name }>,
  ) => Curriculum;
};

const builders: Builders = { staged, competence: competenceBased, "self-paced": selfPaced };

/** Names of the curricula. */
export const curriculumPolicyNames = Object.keys(builders) as CurriculumSettings["policy"][];

/**
 * Builds a curriculum from its settings.
 *
 * @throws UserError when the policy is unknown or a setting is out of range.
 */
export function curriculumPolicy(settings: CurriculumSettings): Curriculum {
  const checked = checkSettings(curriculumSettings, settings, "curriculum");
  const build = builders[checked.policy] as (settings: CheckedCurriculumSettings) => Curriculum;
  const curriculum = build(checked);
  return (pairs, run) => curriculum(trimmed(pairs, checked.trim), run);
}
