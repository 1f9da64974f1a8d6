import type { FieldPath } from "./position.js";
import type { LocatedProblem } from "./problems.js";

const OPTIMISER = {
  learning_rate: "learning_rate",
  schedule: "lr_scheduler_type",
  warmup_share: "warmup_steps",
} as const;

const OBJECTIVE = { loss: "loss_type", parameters: "loss_parameters" } as const;

/** Fields of `run.yaml` until 0.2.0, with what they are in `training` now. */
const OF_RUNS: Readonly<Record<string, string | Readonly<Record<string, string>>>> = {
  seed: "seed",
  precision: "bf16 or fp16",
  objective: OBJECTIVE,
  optimiser: {
    ...OPTIMISER,
    weight_decay: "weight_decay",
    max_grad_norm: "max_grad_norm",
    batch_size: "per_device_train_batch_size",
    gradient_accumulation_steps: "gradient_accumulation_steps",
    frozen_prefixes: "frozen_prefixes",
  },
};

const OF_STAGES = { objective: OBJECTIVE, optimiser: OPTIMISER };

/**
 * Takes the fields of former versions out of settings.
 *
 * @param settings - As they were given; left as they are.
 * @returns The settings without them, and what each is called now.
 */
export function withoutFormerFields(settings: unknown): { settings: unknown; problems: LocatedProblem[] } {
  if (!isMapping(settings)) return { settings, problems: [] };
  const run = taken(settings, OF_RUNS, [], "training.");
  const stages = run.rest["stages"];
  if (!Array.isArray(stages)) return { settings: run.rest, problems: run.problems };
  const inner = stages.map((stage: unknown, at) => {
    if (!isMapping(stage)) return { rest: stage, problems: [] };
    return taken(stage, OF_STAGES, ["stages", at], `stages[${at}].`);
  });
  return {
    settings: { ...run.rest, stages: inner.map(({ rest }) => rest) },
    problems: [...run.problems, ...inner.flatMap(({ problems }) => problems)],
  };
}

function taken(
  fields: Readonly<Record<string, unknown>>,
  table: typeof OF_RUNS,
  path: FieldPath,
  place: string,
): { rest: Record<string, unknown>; problems: LocatedProblem[] } {
  const rest = { ...fields };
  const problems: LocatedProblem[] = [];
  for (const [name, now] of Object.entries(table)) {
    if (!Object.hasOwn(rest, name)) continue;
    const value = rest[name];
    delete rest[name];
    const inner = typeof now === "string" || !isMapping(value) ? [] : Object.keys(value);
    for (const field of inner) {
      const there = (now as Readonly<Record<string, string>>)[field];
      const description = there === undefined ? "there is no such field" : `is ${place}${there} now`;
      problems.push({ path: [...path, name, field], isName: true, description });
    }
    if (inner.length === 0) {
      const description = `is ${typeof now === "string" ? `${place}${now}` : place.replace(/\.$/, "")} now`;
      problems.push({ path: [...path, name], isName: true, description });
    }
  }
  return { rest, problems };
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
