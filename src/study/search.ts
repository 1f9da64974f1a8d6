import type { SceneScores } from "../evaluation/scene-scores.js";

/** One trained candidate of the search. */
export interface Candidate {
  method: string;
  learningRate: number;
  epochs: number;
  scores: SceneScores;
}

/** What the search chose. */
export interface Choice {
  /** The same for all methods, so that all see the same pairs the same number of times. */
  epochs: number;
  learningRates: Record<string, number>;
}

/** A candidate may lose this much coverage against the base model. */
export const COVERAGE_LOSS = 0.005;

/**
 * The better of candidates by the rule of the study: among those whose coverage is at least the base's minus
 * {@link COVERAGE_LOSS} the one with the lowest CHAIRs; where none keeps coverage, the one that covers most. Ties go to
 * the lower learning rate.
 */
export function best(candidates: readonly Candidate[], base: SceneScores): Candidate {
  const cover = (candidate: Candidate) => candidate.scores.cover ?? 0;
  const chair = (candidate: Candidate) => candidate.scores.chair_s ?? 1;
  const kept = candidates.filter((candidate) => cover(candidate) >= (base.cover ?? 0) - COVERAGE_LOSS);
  const byRate = (a: Candidate, b: Candidate) => a.learningRate - b.learningRate;
  const [first] =
    kept.length > 0
      ? kept.sort((a, b) => chair(a) - chair(b) || byRate(a, b))
      : [...candidates].sort((a, b) => cover(b) - cover(a) || byRate(a, b));
  if (first === undefined) throw new RangeError("a search needs at least one candidate");
  return first;
}

/**
 * Chooses the number of epochs for all methods together (the lowest mean CHAIRs of the methods' best candidates;
 * methods whose best loses coverage count as 1) and, with it, each method's learning rate.
 */
export function choose(candidates: readonly Candidate[], base: SceneScores): Choice {
  const methods = [...new Set(candidates.map(({ method }) => method))];
  const options = [...new Set(candidates.map(({ epochs }) => epochs))].sort((a, b) => a - b);
  const tried = options.map((epochs) => {
    const winners = methods.map((method) =>
      best(
        candidates.filter((candidate) => candidate.method === method && candidate.epochs === epochs),
        base,
      ),
    );
    const cost = (winner: Candidate) =>
      (winner.scores.cover ?? 0) < (base.cover ?? 0) - COVERAGE_LOSS ? 1 : (winner.scores.chair_s ?? 1);
    return { epochs, winners, mean: winners.reduce((sum, winner) => sum + cost(winner), 0) / winners.length };
  });
  const [chosen] = tried.sort((a, b) => a.mean - b.mean || a.epochs - b.epochs);
  if (chosen === undefined) throw new RangeError("a search needs at least one candidate");
  return {
    epochs: chosen.epochs,
    learningRates: Object.fromEntries(chosen.winners.map(({ method, learningRate }) => [method, learningRate])),
  };
}
