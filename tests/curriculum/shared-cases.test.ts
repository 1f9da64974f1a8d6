import { expect } from "chai";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { CurriculumOrder } from "../../src/curriculum/curriculum.js";
import { cutStages } from "../../src/curriculum/stages.js";
import { curriculumPolicy } from "../../src/curriculum/registry.js";
import { StepReport } from "../../src/generated/scpo/v1/trainer.js";
import { PACKAGE_ROOT } from "../../src/package-root.js";
import { referencePolicy, type ReferenceSettings } from "../../src/reference/registry.js";

interface CurriculumCases {
  cut: { name: string; difficulties: number[]; stages: number; expected: number[] }[];
  stages: {
    name: string;
    stage: number[] | null;
    difficulty: number[] | null;
    stages: number | null;
    order: CurriculumOrder;
    expected: number[][];
  }[];
  filling: { name: string; pairs: number; per_step: number; epochs: number; length: number; filled: number }[];
}

interface ReferenceCases {
  cases: {
    name: string;
    settings: { update: "stage" | "fixed" | "steps"; steps?: number; alpha?: number };
    opens: string[];
    steps: [number, number][];
    moves: (number | null)[];
  }[];
}

function cases(file: string): unknown {
  return JSON.parse(readFileSync(join(PACKAGE_ROOT, "tests", "shared-cases", file), "utf8"));
}

const curriculum = cases("curriculum.json") as CurriculumCases;
const reference = cases("reference.json") as ReferenceCases;

function settingsOf({ update, steps, alpha }: ReferenceCases["cases"][number]["settings"]): ReferenceSettings {
  if (update === "stage") return { policy: "each-stage" };
  if (update === "fixed") return { policy: "fixed" };
  return { policy: "every-n-steps", steps: steps as number, ...(alpha === undefined ? {} : { alpha }) };
}

describe("cases shared with the Python plugin", () => {
  for (const { name, difficulties, stages, expected } of curriculum.cut) {
    it(`cut: ${name}`, () => expect(cutStages(difficulties, stages)).to.deep.equal(expected));
  }

  for (const { name, stage, difficulty, stages, order, expected } of curriculum.stages) {
    it(`stages: ${name}`, () => {
      const pairs = (stage ?? difficulty ?? []).map((_, pair) => ({
        pair,
        stage: stage?.[pair] ?? null,
        difficulty: difficulty?.[pair] ?? null,
      }));
      const curriculum = curriculumPolicy({ policy: "staged", order, ...(stages === null ? {} : { stages }) });
      const planned = curriculum(pairs, { effectiveBatch: 1, seed: 3 });
      const rows = planned.stages.map((one) => [...one.pairs].sort((a, b) => a - b));
      expect(rows).to.deep.equal(expected);
    });
  }

  for (const { name, pairs, per_step, epochs, length, filled } of curriculum.filling) {
    it(`filling up: ${name}`, () => {
      const rows = Array.from({ length: pairs }, (_, pair) => ({ pair, stage: 0, difficulty: null }));
      const curriculum = curriculumPolicy({ policy: "staged", epochs });
      const [stage] = curriculum(rows, { effectiveBatch: per_step, seed: 1 }).stages;
      expect(stage?.pairs.length).to.equal(length);
      expect(stage?.padding).to.equal(filled);
      expect(stage?.pairs.slice(length - filled)).to.deep.equal(
        Array.from({ length: filled }, (_, at) => stage?.pairs[at % (length - filled)]),
      );
    });
  }

  for (const { name, settings, opens, steps, moves } of reference.cases) {
    it(`reference: ${name}`, () => {
      const policy = referencePolicy(settingsOf(settings));
      expect(opens.map((_, stage) => policy.atOpen(stage))).to.deep.equal(opens);
      const decided = steps.map(([stage, step]) => {
        const move = policy.move(StepReport.fromPartial({ stage, step }), {
          stage,
          plannedSteps: 9,
          stepsSinceMove: 1,
          reports: [],
        });
        return move?.alpha ?? null;
      });
      expect(decided).to.deep.equal(moves);
    });
  }
});
