import type { ReferenceAtOpen } from "../reference/reference.js";
import type { CheckedRunSettings } from "./schema.js";

/** Everything that a stage is told. */
export interface StageSettings {
  name: string;
  objective: { loss: string; parameters: Record<string, number> };
  optimiser: { learning_rate: number; schedule: "constant" | "linear" | "cosine"; warmup_share: number };
  reference: ReferenceAtOpen;
}

/** A setting that a stage has otherwise than the one before. */
export interface StageChange {
  /** Such as `optimiser.learning_rate`. */
  readonly field: string;
  /** Absent: the stage before had none. */
  readonly from?: unknown;
  readonly to: unknown;
}

/** What a stage took over, and what it changed. */
export interface StageInheritance {
  readonly settings: StageSettings;
  readonly inherited: readonly { field: string; value: unknown }[];
  readonly changed: readonly StageChange[];
}

/**
 * Fills in the settings of each stage: the first starts from the run's, each other from the stage before. Parameters of
 * the objective are inherited one by one while the loss stays; another loss starts at its own defaults.
 *
 * @param settings - The run's.
 * @param stages - The curriculum's stages, with the reference that each opens with when the settings do not say.
 */
export function inheritStages(
  settings: Pick<CheckedRunSettings, "objective" | "optimiser" | "stages">,
  stages: readonly { name: string; reference: ReferenceAtOpen }[],
): StageInheritance[] {
  const { learning_rate, schedule, warmup_share } = settings.optimiser;
  let before = { objective: settings.objective, optimiser: { learning_rate, schedule, warmup_share } };
  return stages.map(({ name, reference }, at) => {
    const own = settings.stages[at] ?? {};
    const loss = own.objective?.loss ?? before.objective.loss;
    const kept = loss === before.objective.loss ? before.objective.parameters : {};
    const now = {
      objective: { loss, parameters: { ...kept, ...own.objective?.parameters } },
      optimiser: { ...before.optimiser, ...withoutAbsent(own.optimiser ?? {}) },
    };
    const was = new Map(leaves(before));
    // Of mappings only what is in them counts.
    const is = leaves(now).filter(([, value]) => typeof value !== "object");
    before = now;
    return {
      settings: { name: own.name ?? name, ...now, reference: own.reference ?? reference },
      inherited: is.filter(([field, value]) => was.get(field) === value).map(([field, value]) => ({ field, value })),
      changed: is
        .filter(([field, value]) => was.get(field) !== value)
        .map(([field, to]) => ({ field, to, ...(was.has(field) ? { from: was.get(field) } : {}) })),
    };
  });
}

/** Every single setting with its path, from the outside in; lists and empty mappings count as one. */
export function leaves(value: unknown, path = ""): [field: string, value: unknown][] {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return [[path, value]];
  const fields = Object.entries(value);
  if (fields.length === 0 && path !== "") return [[path, value]];
  return fields.flatMap(([name, inner]) => leaves(inner, path === "" ? name : `${path}.${name}`));
}

/** The fields that have a value; TypeScript tells a field that is undefined from one that is absent. */
export function withoutAbsent<T extends object>(values: T): { [Key in keyof T]: Exclude<T[Key], undefined> } {
  const present = Object.entries(values).filter(([, value]) => value !== undefined);
  return Object.fromEntries(present) as { [Key in keyof T]: Exclude<T[Key], undefined> };
}
