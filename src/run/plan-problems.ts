import { isAbsolute } from "node:path";
import { UserError } from "../errors.js";
import { hubModel } from "../files/hub-model.js";
import { isAllowed, LEARNING_RATE, SHA256 } from "../generated/rules.js";
import type { RunPlan, StagePlan, WeightedLoss } from "./plan.js";
import { effectiveBatch, OFFERED, SAID_BY_PLANS } from "./plan.js";

/** One mistake in a plan. */
export interface PlanProblem {
  /** Path of the field, such as `stages[2].learningRate`. */
  readonly field: string;
  /** What was found and what was expected. */
  readonly description: string;
}

/**
 * Checks a plan.
 *
 * @throws UserError that names every mistake by its field.
 */
export function checkPlan(plan: RunPlan): void {
  const problems = planProblems(plan);
  const [first] = problems;
  if (first === undefined) return;
  if (problems.length === 1) throw new UserError(`run plan: ${first.field}: ${first.description}`);
  const lines = problems.map(({ field, description }) => `  ${field}: ${description}`);
  throw new UserError(`run plan: ${problems.length} mistakes\n${lines.join("\n")}`);
}

/** Every mistake in a plan. */
export function planProblems(plan: RunPlan): PlanProblem[] {
  const problems: PlanProblem[] = [];
  const expect: Expect = (holds, field, found, expected) => {
    if (!holds) problems.push({ field, description: `found ${shown(found)}, expected ${expected}` });
  };
  expect(plan.name !== "", "name", plan.name, "a name");
  expect(isAbsolute(plan.directory), "directory", plan.directory, "an absolute path");
  expect(
    isAbsolute(plan.model) || plan.model === OFFERED || hubModel(plan.model) !== null,
    "model",
    plan.model,
    "the absolute path of a model's folder, or owner/name on the hub",
  );
  const { path } = plan.dataset;
  expect(isAbsolute(path) || path === OFFERED, "dataset.path", path, "the absolute path of a Parquet file");
  const { sha256 } = plan.dataset;
  expect(SHA256.pattern.test(sha256), "dataset.sha256", sha256, SHA256.expected);
  expect(isCount(plan.seed), "seed", plan.seed, "a whole number from 0 to 4294967295");
  for (const field of ["batchSize", "gradientAccumulationSteps"] as const) {
    expect(isCount(plan[field]) && plan[field] > 0, field, plan[field], "a whole number of at least 1");
  }
  for (const name of SAID_BY_PLANS) {
    expect(!Object.hasOwn(plan.training, name), `training.${name}`, plan.training[name], "it in the plan's own fields");
  }
  expect(plan.stages.length > 0, "stages", plan.stages, "at least one stage");
  plan.stages.forEach((stage, index) => checkStage(stage, `stages[${index}]`, effectiveBatch(plan), expect));
  return problems;
}

type Expect = (holds: boolean, field: string, found: unknown, expected: string) => void;

function checkStage(stage: StagePlan, at: string, batch: number, expect: Expect): void {
  expect(stage.name !== "", `${at}.name`, stage.name, "a name");
  const { length } = stage.pairs;
  expect(length > 0, `${at}.pairs`, stage.pairs, "at least one row");
  if (stage.steps !== undefined) {
    expect(isCount(stage.steps) && stage.steps > 0, `${at}.steps`, stage.steps, "a whole number of at least 1");
    expect(new Set(stage.pairs).size === length, `${at}.pairs`, "a row twice", "every row that may be drawn once");
  } else if (isCount(batch) && batch > 0) {
    const expected = `a multiple of ${batch} (batchSize times gradientAccumulationSteps)`;
    expect(length % batch === 0, `${at}.pairs.length`, length, expected);
  }
  expectRows(stage.pairs, `${at}.pairs`, expect);
  expectRows(stage.heldOut ?? [], `${at}.heldOut`, expect);
  const heldOut = new Set(stage.heldOut);
  const both = stage.pairs.find((pair) => heldOut.has(pair));
  expect(both === undefined, `${at}.heldOut`, both, "rows that the stage's pairs lack");
  const { learningRate: rate, warmupSteps: warmup } = stage;
  expect(isAllowed(rate, LEARNING_RATE), `${at}.learningRate`, rate, LEARNING_RATE.expected);
  expect(isCount(warmup), `${at}.warmupSteps`, warmup, "a whole number of at least 0");
  expectOneOf(["constant", "linear", "cosine"], stage.schedule, `${at}.schedule`, expect);
  expectOneOf(["policy", "keep", "initial"], stage.reference, `${at}.reference`, expect);
  expect(stage.losses.length > 0, `${at}.losses`, stage.losses, "at least one loss");
  stage.losses.forEach((loss, index) => checkLoss(loss, `${at}.losses[${index}]`, stage.losses, expect));
}

function checkLoss(
  { name, weight = 1, parameters }: WeightedLoss,
  at: string,
  all: WeightedLoss[],
  expect: Expect,
): void {
  expect(name !== "", `${at}.name`, name, "the name of a loss");
  expect(all.filter((other) => other.name === name).length === 1, `${at}.name`, name, "each loss once");
  expect(isFinite(weight), `${at}.weight`, weight, "a number");
  for (const [parameter, value] of Object.entries(parameters)) {
    expect(isFinite(value), `${at}.parameters.${parameter}`, value, "a number");
  }
}

function expectRows(rows: readonly number[], field: string, expect: Expect): void {
  const wrong = rows.findIndex((row) => !isCount(row));
  const expected = "a row of the data set: a whole number of at least 0";
  expect(wrong === -1, `${field}[${wrong}]`, rows[wrong], expected);
}

function expectOneOf(allowed: readonly string[], value: string, field: string, expect: Expect): void {
  expect(allowed.includes(value), field, value, `one of ${allowed.join(", ")}`);
}

/** Rows, steps and sizes travel as uint32; torch and numpy take seeds of that size. */
function isCount(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= 0xffffffff;
}

function isFinite(value: number): boolean {
  return Number.isFinite(value);
}

function shown(value: unknown): string {
  if (typeof value === "number") return String(value);
  return Array.isArray(value) && value.length === 0 ? "none" : (JSON.stringify(value) ?? "nothing");
}
