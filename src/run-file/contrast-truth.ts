import { UserError } from "../errors.js";
import { LOSS_DEFAULTS, MATCHED_TERMS } from "../generated/losses.js";
import type { ContrastPairText } from "../pairs/contrast-pair.js";

/** A stage, as far as it matters which of its pairs' texts are true. */
export interface TrainedStage {
  readonly name: string;
  /** Rows that it trains on. */
  readonly pairs: readonly number[];
  readonly losses: readonly { readonly name: string; readonly parameters: Readonly<Record<string, number>> }[];
}

/**
 * Refuses pairs whose rejected text is known to be false of their contrast image for a loss that would learn it as true.
 *
 * @param path - The pairs file.
 * @param pairs - All of its pairs.
 * @param stages - Losses that the package does not have are passed over.
 * @throws UserError naming the stage, how many pairs, the weights and both mends.
 */
export function refuseFalseContrasts(
  path: string,
  pairs: readonly Pick<ContrastPairText, "id" | "rejectedTrue">[],
  stages: readonly TrainedStage[],
): void {
  for (const { name, pairs: rows, losses } of stages) {
    const wrong = rows.filter((row) => pairs[row]?.rejectedTrue === false);
    const [first] = wrong;
    if (first === undefined) continue;
    for (const { name: loss, parameters } of losses) {
      const weights = matchedWeights(loss, parameters);
      if (weights.length === 0) continue;
      throw new UserError(
        `${path}: of the ${rows.length} pairs of stage ${name}, rejected is false of rejected_images in ${wrong.length} (column ` +
          `rejected_true; the first: pair "${pairs[first]?.id}", row ${first}), and the loss ${loss} learns it as true of them: ` +
          `drop them (scpo pairs filter FILE --out OUT --drop-finding contrast-false), or set ${weights.join(" and ")} to 0`,
      );
    }
  }
}

/** Weights that would have to be 0 for no term to learn rejected as true of rejected_images; none where none does. */
function matchedWeights(loss: string, parameters: Readonly<Record<string, number>>): string[] {
  const values = { ...LOSS_DEFAULTS[loss], ...parameters };
  const on = (MATCHED_TERMS[loss] ?? []).filter((weights) => weights.every((weight) => values[weight] !== 0));
  return [...new Set(on.map(([weight]) => weight as string))];
}
