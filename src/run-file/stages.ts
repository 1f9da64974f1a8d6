import { LOSSES } from "../generated/losses.js";
import type { ReferenceAtOpen } from "../reference/reference.js";
import type { WeightedLoss } from "../run/plan.js";
import type { CheckedRunSettings } from "./schema.js";
import { lossNames, type StageTraining } from "./training-schema.js";

/** Parameters by loss. */
type LossParameters = Readonly<Record<string, Readonly<Record<string, number>>>>;

/** Everything that a stage is told. */
export interface StageSettings extends StageTraining {
  name: string;
  loss_type: string[];
  loss_parameters: LossParameters;
  reference: ReferenceAtOpen;
}

/** A setting that a stage has otherwise than the one before. */
interface StageChange {
  /** Such as `learning_rate`. */
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
 * Fills in the settings of each stage: the first starts from the run's, each other from the stage before. Parameters are
 * inherited one by one while their loss stays; another loss starts at its own defaults, other losses at equal weights.
 *
 * @param settings - The run's.
 * @param stages - The curriculum's stages, with the reference that each opens with when the settings do not say.
 */
export function inheritStages(
  settings: Pick<CheckedRunSettings, "training" | "stages">,
  stages: readonly { name: string; reference: ReferenceAtOpen }[],
): StageInheritance[] {
  let before = ofTheRun(settings.training);
  return stages.map(({ name, reference }, at) => {
    const own: CheckedRunSettings["stages"][number] = settings.stages[at] ?? {};
    const now = inherited(own, before);
    const was = new Map(leaves(before));
    // Of mappings only what is in them counts.
    const is = leaves(now).filter(([, value]) => Array.isArray(value) || typeof value !== "object");
    const same = (field: string, value: unknown) => JSON.stringify(was.get(field)) === JSON.stringify(value);
    before = now;
    return {
      settings: { name: own.name ?? name, ...now, reference: own.reference ?? reference },
      inherited: is.filter(([field, value]) => same(field, value)).map(([field, value]) => ({ field, value })),
      changed: is
        .filter(([field, value]) => !same(field, value))
        .map(([field, to]) => ({ field, to, ...(was.has(field) ? { from: was.get(field) } : {}) })),
    };
  });
}

type Changes = { readonly [Name in keyof StageTraining]?: StageTraining[Name] | undefined };
type Inherited = Omit<StageSettings, "name" | "reference">;

/** The settings of the run, before any stage. */
function ofTheRun(training: StageTraining): Inherited {
  return inherited(training, { ...training, loss_type: [], loss_parameters: {} });
}

function inherited(own: Changes, before: Inherited): Inherited {
  const loss_type = own.loss_type === undefined ? before.loss_type : lossNames(own.loss_type);
  const given = byLoss(own.loss_parameters ?? {}, loss_type);
  const stays = JSON.stringify(loss_type) === JSON.stringify(before.loss_type);
  const weights = stays ? before.loss_weights : undefined;
  const { learning_rate, lr_scheduler_type, warmup_steps } = { ...before, ...withoutAbsent(own) };
  return {
    learning_rate,
    lr_scheduler_type,
    warmup_steps,
    loss_type,
    ...withoutAbsent({
      loss_weights: own.loss_weights === undefined ? weights : own.loss_weights,
      beta: own.beta ?? before.beta,
    }),
    loss_parameters: Object.fromEntries(
      loss_type.map((loss) => [loss, { ...before.loss_parameters[loss], ...given[loss] }]),
    ),
  };
}

/** Parameters of one loss may stand without its name. */
function byLoss(parameters: NonNullable<StageTraining["loss_parameters"]>, losses: readonly string[]): LossParameters {
  const entries = Object.entries(parameters).map(([name, value]): [string, Readonly<Record<string, number>>] =>
    typeof value === "number" ? [losses[0] as string, { [name]: value }] : [lossNames(name)[0] as string, value],
  );
  const found: Record<string, Readonly<Record<string, number>>> = {};
  for (const [loss, values] of entries) found[loss] = { ...found[loss], ...values };
  return found;
}

/**
 * The losses of a stage as its plan has them.
 *
 * @param beta - The run's, which the trainer knows; one of the stage's own is written into the losses that read it.
 */
export function lossesOf(settings: StageSettings, beta: number | undefined): WeightedLoss[] {
  return settings.loss_type.map((name, at) => {
    const weight = settings.loss_weights?.[at];
    const own = settings.beta === beta ? {} : betas(name, settings.beta as number);
    return { name, ...withoutAbsent({ weight }), parameters: { ...own, ...settings.loss_parameters[name] } };
  });
}

/** The parameters of a loss that are beta unless they are said: those of Python's `SCPOConfig`. */
function betas(loss: string, beta: number): Record<string, number> {
  const names = Object.hasOwn(LOSSES, loss) ? (LOSSES[loss] as readonly string[]) : ["beta"];
  return Object.fromEntries(["beta", "beta_mirror"].filter((name) => names.includes(name)).map((name) => [name, beta]));
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
