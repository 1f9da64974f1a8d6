import type { Scores } from "../evaluation/eval-result.js";
import { figureOf } from "./score-text.js";

/** One trained candidate of the search. */
export interface Candidate {
  method: string;
  learningRate: number;
  epochs: number;
  scores: Scores;
}

/** What the search chose. */
export interface SearchChoice {
  /** The same for all methods, so that all see the same pairs the same number of times. */
  epochs: number;
  learningRates: Record<string, number>;
}

/**
 * What a candidate may lose against the base model on validation scenes, in percent points. Yes/no accuracy is to stay
 * within 1; one standard error of that accuracy on 2,000 questions, 0.5, is added, so that chance does not decide.
 */
export const ALLOWED_LOSS = { cover: 0.5, accuracy: 1.5 } as const;

type Ability = keyof typeof ALLOWED_LOSS;
const ABILITIES: readonly Ability[] = ["cover", "accuracy"];

/** Whether a candidate sees and answers about as well as the base model. */
function keepsAbility({ scores }: Candidate, base: Scores): boolean {
  return ABILITIES.every((ability) => lost(scores, base, ability) <= 0);
}

/** How far a candidate falls short of what it has to keep, in percent points. */
function shortfall({ scores }: Candidate, base: Scores): number {
  return ABILITIES.reduce((sum, ability) => sum + Math.max(0, lost(scores, base, ability)), 0);
}

/** How much more of an ability is lost than may be; below 0 where less is. */
function lost(scores: Scores, base: Scores, ability: Ability): number {
  return (figureOf(base, ability) ?? 0) - ALLOWED_LOSS[ability] - (figureOf(scores, ability) ?? 0);
}

const chair = ({ scores }: Candidate) => figureOf(scores, "chair_s") ?? 100;

/**
 * The better of candidates by the rule of the study: among those that keep coverage and yes/no accuracy within
 * {@link ALLOWED_LOSS} of the base model the one with the lowest CHAIRs; where none does, the one that falls short
 * least. Ties go to the lower learning rate.
 */
export function best<Tried extends Candidate>(candidates: readonly Tried[], base: Scores): Tried {
  const byRate = (a: Candidate, b: Candidate) => a.learningRate - b.learningRate;
  const kept = candidates.filter((candidate) => keepsAbility(candidate, base));
  const [first] =
    kept.length > 0
      ? kept.sort((a, b) => chair(a) - chair(b) || byRate(a, b))
      : [...candidates].sort((a, b) => shortfall(a, base) - shortfall(b, base) || byRate(a, b));
  if (first === undefined) throw new RangeError("a search needs at least one candidate");
  return first;
}

/**
 * Chooses the number of epochs for all methods together (the lowest mean CHAIRs of the methods' best candidates;
 * methods whose best loses an ability count as 100 %) and, with it, each method's learning rate.
 */
export function choose(candidates: readonly Candidate[], base: Scores): SearchChoice {
  const methods = [...new Set(candidates.map(({ method }) => method))];
  const options = [...new Set(candidates.map(({ epochs }) => epochs))].sort((a, b) => a - b);
  const tried = options.map((epochs) => {
    const winners = methods.map((method) =>
      best(
        candidates.filter((candidate) => candidate.method === method && candidate.epochs === epochs),
        base,
      ),
    );
    const cost = (winner: Candidate) => (keepsAbility(winner, base) ? chair(winner) : 100);
    return { epochs, winners, mean: winners.reduce((sum, winner) => sum + cost(winner), 0) / winners.length };
  });
  const [chosen] = tried.sort((a, b) => a.mean - b.mean || a.epochs - b.epochs);
  if (chosen === undefined) throw new RangeError("a search needs at least one candidate");
  return {
    epochs: chosen.epochs,
    learningRates: Object.fromEntries(chosen.winners.map(({ method, learningRate }) => [method, learningRate])),
  };
}
