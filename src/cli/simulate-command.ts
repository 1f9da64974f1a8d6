import { markedChart } from "./own-files.js";
import { resolve } from "node:path";
import { curriculumPolicy, type CurriculumSettings } from "../curriculum/registry.js";
import { UserError } from "../errors.js";
import { referencePolicy, type ReferenceSettings } from "../reference/registry.js";
import { renderSimulationSvg, type SimulationChart } from "../report/simulation-svg.js";
import { effectiveBatch } from "../run/plan.js";
import { readRecordedPairs, readRecordedRun, type RecordedRun } from "../simulate/recorded-run.js";
import { meanDifficulty, simulate, type Simulation, type SimulatedPolicies } from "../simulate/simulate.js";
import { stepFigure } from "../step-figures/figure.js";
import { writeAtomically } from "../files/write-atomically.js";

/** What `scpo simulate` is told. */
export interface SimulateOptions {
  /** The run's folder. */
  readonly run: string;
  readonly reference?: string;
  readonly curriculum?: string;
  /** File of the image. */
  readonly out: string;
  readonly json: boolean;
}

/** `scpo simulate`: prints what policies would have decided in a recorded run, and draws it. */
export async function simulateCommand(options: SimulateOptions): Promise<void> {
  const { reference, curriculum, out, json } = options;
  if (reference === undefined && curriculum === undefined) {
    throw new UserError("simulate: found no policy, expected --reference, --curriculum or both");
  }
  const run = await readRecordedRun(resolve(options.run));
  const policies: { -readonly [Name in keyof SimulatedPolicies]: SimulatedPolicies[Name] } = {};
  const rows: SimulationChart["rows"][number][] = [];
  if (reference !== undefined) {
    policies.reference = referencePolicy(policyOption(reference, "--reference") as ReferenceSettings);
  }
  let difficulty: ((rows: readonly number[]) => number) | undefined;
  if (curriculum !== undefined) {
    const pairs = await readRecordedPairs(run.plan);
    const planning = { effectiveBatch: effectiveBatch(run.plan), seed: run.plan.seed };
    policies.curriculum = curriculumPolicy(policyOption(curriculum, "--curriculum") as CurriculumSettings)(
      pairs,
      planning,
    );
    difficulty = meanDifficulty(pairs);
  }
  process.stderr.write(`simulate: the picture goes to ${out}\n`);
  const simulation = simulate(run, policies);
  if (difficulty !== undefined) rows.push(...difficultyRows(run, simulation, difficulty));
  rows.push(recordedRow(run, "margin", "reward margin"), recordedRow(run, "kl", "drift, nats"));
  const title = `${[reference, curriculum].filter((text) => text !== undefined).join(" and ")} on ${run.plan.name}`;
  const moves = simulation.decisions.filter(({ what }) => what === "reference moves");
  await writeAtomically(
    resolve(out),
    markedChart(renderSimulationSvg({ title, rows, stages: simulation.stages, moves })),
  );
  if (json) process.stdout.write(`${JSON.stringify(simulation)}\n`);
  else process.stdout.write(`${table(run, simulation, difficulty)}\nwritten: ${out}\n`);
}

function difficultyRows(
  run: RecordedRun,
  simulation: Simulation,
  difficulty: (rows: readonly number[]) => number,
): SimulationChart["rows"] {
  const simulated = simulation.steps.map(({ step, pairs }) => ({ step, value: difficulty(pairs) }));
  const recorded = run.reports.map(({ step, pairs }) => ({ step, value: difficulty(pairs.map(({ pair }) => pair)) }));
  return [
    { label: "difficulty, simulated", values: simulated },
    { label: "difficulty, recorded", values: recorded.slice(0, simulated.length) },
  ];
}

function recordedRow(run: RecordedRun, figure: "margin" | "kl", label: string): SimulationChart["rows"][number] {
  return { label, values: run.reports.map((report) => ({ step: report.step, value: stepFigure(report, figure) })) };
}

/** Decisions, oldest first, and a line about the stages. */
function table(run: RecordedRun, simulation: Simulation, difficulty?: (rows: readonly number[]) => number): string {
  const lines = simulation.decisions.map(
    ({ step, what, reason }) => `${String(step).padStart(6)}  ${what.padEnd(26)}  ${reason}`,
  );
  let from = 0;
  const stages = simulation.stages.map(({ name, planned, steps }) => {
    const own = simulation.steps.slice(from, (from += steps)).flatMap(({ pairs }) => pairs);
    const mean = difficulty?.(own);
    const hard = mean === undefined || Number.isNaN(mean) ? "" : `, mean difficulty ${mean.toFixed(3)}`;
    return `${name}: ${steps} of ${planned} steps, ${new Set(own).size} pairs${hard}`;
  });
  const { length } = run.reports;
  const left = length - simulation.steps.length;
  const unused = left === 0 ? "" : `; the curriculum took ${length - left} of them`;
  const head = `${run.plan.name}: ${length} recorded steps${unused}\n${" step".padStart(6)}  ${"decision after it".padEnd(26)}  reason`;
  return `${head}\n${lines.join("\n")}\n${stages.join("\n")}`;
}

/**
 * Reads a policy as the command line gives it: its name, and settings behind it, `kl-bound,bound=5,window=10`. A point
 * leads into settings of settings: `staged,promotion.on=plateau`.
 *
 * @param text - The option's value.
 * @param option - Its name, for the error.
 * @throws UserError when a part is no setting.
 */
function policyOption(text: string, option: string): Record<string, unknown> {
  const [policy, ...parts] = text.split(",");
  const settings: Record<string, unknown> = { policy };
  for (const part of parts) {
    const [path, value] = part.split("=");
    if (path === undefined || path === "" || value === undefined || value === "") {
      throw new UserError(`${option}: found "${part}", expected name=value, as in kl-bound,bound=5`);
    }
    const names = path.split(".");
    const last = names.pop() as string;
    let inner = settings;
    for (const name of names) inner = (inner[name] ??= {}) as Record<string, unknown>;
    inner[last] = Number.isNaN(Number(value)) ? value : Number(value);
  }
  return settings;
}
