import { processesOf } from "../backend/processes.js";
import type { CurriculumStage } from "../curriculum/curriculum.js";
import { curriculumPolicy } from "../curriculum/registry.js";
import { UserError } from "../errors.js";
import { gradedPairs, readGrades } from "../pairs/graded-rows.js";
import { sha256File } from "../files/sha256.js";
import type { TrainingOffer } from "../generated/scpo/v1/director.js";
import { referencePolicy } from "../reference/registry.js";
import { effectiveBatch, plannedSteps, OFFERED, type RunPlan } from "../run/plan.js";
import type { RunPolicies } from "../run/policies.js";
import { EMBEDDED_MODEL_FOLDER } from "../package-root.js";
import { refuseFalseContrasts } from "./contrast-truth.js";
import { askedModel } from "./model-problems.js";
import { offeredRows, offeredSettings } from "./offered.js";
import type { NamedRunSettings } from "./read.js";
import { EMBEDDED_MODEL } from "./schema.js";
import { inheritStages, lossesOf, withoutAbsent, type StageInheritance } from "./stages.js";
import { carried } from "./training-schema.js";

/** Settings with nothing left open: every stage is written out, the pairs' file has its hash. */
export type ResolvedRunSettings = NamedRunSettings & { data: { pairs: string; sha256: string } };

/** What follows from settings and pairs together. */
export interface PlannedRun {
  /** As the run's folder keeps them; read again they give the same plan. */
  readonly resolved: ResolvedRunSettings;
  readonly plan: RunPlan;
  readonly policies: RunPolicies;
  /** What each stage took over from the one before, and what it changed. */
  readonly stages: readonly StageInheritance[];
  /** By row; null for one that nobody graded. */
  readonly difficulties: readonly (number | null)[];
}

/**
 * Plans a run: reads the pairs, cuts them into stages, and gives each stage its settings.
 *
 * @param settings - Checked settings with absolute paths.
 * @param directory - Absolute path of the run's folder.
 * @param offer - What a training that dialled brings along.
 * @throws UserError when the pairs have changed, or do not allow the curriculum.
 */
export async function planRun(
  settings: NamedRunSettings,
  directory: string,
  offer?: TrainingOffer,
): Promise<PlannedRun> {
  const { training, data } = settings;
  const isOffered = offer !== undefined && data.pairs === OFFERED;
  const sha256 = isOffered ? (offer.own?.dataset?.sha256 ?? "") : await sha256File(data.pairs);
  if (data.sha256 !== undefined && data.sha256 !== sha256) {
    throw new UserError(
      `data.pairs: ${data.pairs} has the SHA-256 ${sha256}, expected ${data.sha256} as data.sha256 says: ` +
        "bring the file back, or start another run without data.sha256",
    );
  }
  const grades = isOffered ? undefined : await readGrades(data.pairs);
  const pairs = grades === undefined ? offeredRows(offer as TrainingOffer) : gradedPairs(grades);
  if (offer !== undefined && pairs.length !== offer.rows) {
    throw new UserError(
      `data.pairs: ${data.pairs} has ${pairs.length} rows, expected ${offer.rows}, those of the training that dialled: ` +
        `name its file, or ${OFFERED}`,
    );
  }
  const reference = referencePolicy(settings.reference);
  const processes = offer?.processes ?? (await processesOf(settings.backend));
  const sizes = {
    batchSize: training.per_device_train_batch_size * processes,
    gradientAccumulationSteps: training.gradient_accumulation_steps,
  };
  const curriculum = curriculumPolicy(settings.curriculum)(
    pairs.map(({ difficulty, stage }, pair) => ({ pair, difficulty, stage })),
    { effectiveBatch: effectiveBatch(sizes), seed: training.seed },
  );
  if (settings.stages.length > curriculum.stages.length) {
    throw new UserError(
      `stages: found ${settings.stages.length} stages, expected at most ${curriculum.stages.length}: so many the curriculum makes ` +
        `of ${data.pairs}; leave out what is too much, or set curriculum.stages`,
    );
  }
  const stages = inheritStages(
    settings,
    curriculum.stages.map(({ name }, stage) => ({ name, reference: reference.atOpen(stage) })),
  );
  const { model, revision } = askedModel(settings);
  const plan: RunPlan = {
    name: settings.id,
    directory,
    model: model === EMBEDDED_MODEL ? EMBEDDED_MODEL_FOLDER : model,
    dataset: { path: data.pairs, sha256 },
    seed: training.seed,
    ...sizes,
    training:
      offer === undefined
        ? { ...carried(training), ...withoutAbsent({ model_revision: revision }) }
        : offeredSettings(offer),
    stages: [],
  };
  plan.stages = stages.map(({ settings: own }, at) => {
    const { pairs: rows, steps, heldOut } = curriculum.stages[at] as CurriculumStage;
    const stage = {
      name: own.name,
      pairs: rows,
      ...withoutAbsent({ steps, heldOut }),
      learningRate: own.learning_rate,
      schedule: own.lr_scheduler_type === "constant_with_warmup" ? ("constant" as const) : own.lr_scheduler_type,
      warmupSteps: 0,
      reference: own.reference,
      losses: lossesOf(own, training.beta),
    };
    return { ...stage, warmupSteps: warmupSteps(own.warmup_steps, plannedSteps(plan, stage)) };
  });
  if (grades !== undefined) refuseFalseContrasts(data.pairs, grades.falseContrasts, plan.stages);
  const { id, ...others } = settings;
  const resolved = { id, ...others, data: { ...data, sha256 }, stages: stages.map(({ settings: own }) => own) };
  return {
    resolved,
    plan,
    policies: { reference, curriculum },
    stages,
    difficulties: pairs.map(({ difficulty }) => difficulty),
  };
}

/** As transformers reads it: from 1 on a number of steps, below a share of them, rounded up. */
function warmupSteps(setting: number, steps: number): number {
  return setting >= 1 ? Math.trunc(setting) : Math.ceil(steps * setting);
}
