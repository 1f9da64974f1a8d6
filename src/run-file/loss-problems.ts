import { LOSSES } from "../generated/losses.js";
import type { FieldPath } from "./position.js";
import type { LocatedProblem } from "./problems.js";
import { lossNames, trainingJsonSchema } from "./training-schema.js";

type Fields = Readonly<Record<string, unknown>>;

/**
 * Looks for losses and parameters that the package's trainer does not know, and weights that are not as many as the
 * losses. A service elsewhere may have losses of its own, so that with such a backend names are left to it.
 *
 * @param settings - As they were given; nothing is supposed of their shape, which others check.
 */
export function lossProblems(settings: unknown): LocatedProblem[] {
  const { backend, training, stages } = fieldsOf(settings);
  const known = ["remote", "dialled"].includes(String(fieldsOf(backend)["kind"])) ? undefined : LOSSES;
  const byDefault = lossNames(trainingJsonSchema.properties["loss_type"]?.default as string[]);
  const first = problemsAt(["training"], fieldsOf(training), byDefault, known);
  const problems = [...first.problems];
  let { losses } = first;
  for (const [at, stage] of Array.isArray(stages) ? stages.entries() : []) {
    const next = problemsAt(["stages", at], fieldsOf(stage), losses, known);
    problems.push(...next.problems);
    losses = next.losses;
  }
  return problems;
}

/** Looks at the losses of the run or of a stage; `before` are those of one that names none. */
function problemsAt(
  path: FieldPath,
  fields: Fields,
  before: string[],
  known: typeof LOSSES | undefined,
): { losses: string[]; problems: LocatedProblem[] } {
  const { loss_type: named, loss_weights: weights, loss_parameters: parameters } = fields;
  const problems: LocatedProblem[] = [];
  const found = (field: FieldPath, description: string, isName = false) =>
    problems.push({ path: [...path, ...field], isName, description });
  const own = isLossType(named) ? lossNames(named) : undefined;
  for (const [at, name] of own?.entries() ?? []) {
    if (known === undefined || Object.hasOwn(known, name)) continue;
    const expected = `found ${JSON.stringify(name)}, expected one of ${Object.keys(known).join(", ")}`;
    found(typeof named === "string" ? ["loss_type"] : ["loss_type", at], expected);
  }
  const losses = own ?? before;
  const twice = losses.find((name, at) => losses.indexOf(name) !== at);
  if (own !== undefined && twice !== undefined) found(["loss_type"], `names ${twice} twice, expected each loss once`);
  if (Array.isArray(weights) && weights.length !== losses.length) {
    found(["loss_weights"], `found ${weights.length}, expected ${losses.length}: one for each loss of loss_type`);
  }
  for (const [name, value] of Object.entries(fieldsOf(parameters))) {
    const isNumber = typeof value === "number";
    const loss = lossNames(name)[0] as string;
    if (isNumber && losses.length === 1) parameterProblem(losses[0] as string, name, [name]);
    // What is neither is told by the schema.
    else if (!isNumber && !isMapping(value)) continue;
    else if (!losses.includes(loss)) {
      const parts = losses.length === 1 ? "its parameters, or " : "";
      found(["loss_parameters", name], `expected ${parts}the name of a loss of loss_type: ${losses.join(", ")}`, true);
    } else if (isNumber) found(["loss_parameters", name], `found ${value}, expected the loss's parameters by name`);
    else for (const inner of Object.keys(value)) parameterProblem(loss, inner, [name, inner]);
  }
  return { losses, problems };

  function parameterProblem(loss: string, name: string, field: FieldPath): void {
    const names = known !== undefined && Object.hasOwn(known, loss) ? known[loss] : undefined;
    if (names === undefined || names.includes(name)) return;
    const expected = names.length === 0 ? "it has none" : `expected of ${loss}: ${names.join(", ")}`;
    found(["loss_parameters", ...field], `the loss has no such parameter, ${expected}`, true);
  }
}

function isLossType(value: unknown): value is string | string[] {
  if (Array.isArray(value)) return value.length > 0 && value.every((name) => typeof name === "string" && name !== "");
  return typeof value === "string" && value !== "";
}

function fieldsOf(value: unknown): Fields {
  return isMapping(value) ? value : {};
}

function isMapping(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
