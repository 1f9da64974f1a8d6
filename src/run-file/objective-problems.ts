import { LOSSES } from "../generated/losses.js";
import type { FieldPath } from "./position.js";
import type { LocatedProblem } from "./problems.js";
import { DEFAULT_LOSS } from "./schema.js";

type Fields = Readonly<Record<string, unknown>>;

/**
 * Looks for names of losses and of their parameters that the package's trainer does not know. A service elsewhere may
 * have losses of its own, so that settings with a remote backend are left to it.
 *
 * @param settings - As they were given; nothing is supposed of their shape, which others check.
 */
export function objectiveProblems(settings: unknown): LocatedProblem[] {
  const { backend, objective, stages } = fieldsOf(settings);
  if (fieldsOf(backend)["kind"] === "remote") return [];
  const first = problemsAt(["objective"], objective, DEFAULT_LOSS);
  const problems = [...first.problems];
  let { loss } = first;
  for (const [at, stage] of Array.isArray(stages) ? stages.entries() : []) {
    const next = problemsAt(["stages", at, "objective"], fieldsOf(stage)["objective"], loss);
    problems.push(...next.problems);
    loss = next.loss;
  }
  return problems;
}

/** Looks at one objective; `before` is the loss of one that names none. */
function problemsAt(path: FieldPath, objective: unknown, before: string): { loss: string; problems: LocatedProblem[] } {
  const { loss = before, parameters } = fieldsOf(objective);
  if (typeof loss !== "string" || loss === "") return { loss: before, problems: [] };
  const known = Object.hasOwn(LOSSES, loss) ? LOSSES[loss] : undefined;
  if (known === undefined) {
    // Told where it is named, not again in the stages that inherit it.
    if (loss === before) return { loss, problems: [] };
    const description = `found ${JSON.stringify(loss)}, expected one of ${Object.keys(LOSSES).join(", ")}`;
    return { loss, problems: [{ path: [...path, "loss"], isName: false, description }] };
  }
  const expected = known.length === 0 ? "it has none" : `expected of ${loss}: ${known.join(", ")}`;
  const problems = Object.keys(fieldsOf(parameters))
    .filter((name) => !known.includes(name))
    .map((name) => ({
      path: [...path, "parameters", name],
      isName: true,
      description: `the loss has no such parameter, ${expected}`,
    }));
  return { loss, problems };
}

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}
