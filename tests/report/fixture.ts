import { uniformFloat64 } from "pure-rand/distribution/uniformFloat64";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import type { Scored } from "../../src/evaluation/benchmark.js";
import { compareResults } from "../../src/evaluation/compare.js";
import type { EvalResult, Scores } from "../../src/evaluation/eval-result.js";
import { captionMistakes } from "../../src/evaluation/scenes/figures.js";
import { evalResult } from "../../src/evaluation/score.js";
import type { QuadLogps } from "../../src/generated/scpo/v1/pair.js";
import type { PairRecord } from "../../src/generated/scpo/v1/telemetry.js";
import { chooseScenes, chooseWorstPairs } from "../../src/report/choose-examples.js";
import { countScenes, type Said } from "../fixtures/made-up-scenes.js";
import type { ExampleScene, ReportData, TrainingHistory } from "../../src/report/report-data.js";

/** One transparent pixel. */
export const PIXEL = Uint8Array.from(
  atob("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="),
  (character) => character.charCodeAt(0),
);

/** A scene's objects and picture. */
export interface FixtureScene {
  objects: string[];
  png: Uint8Array;
}

const VOCABULARY = ["dog", "basketball", "apple", "bicycle", "car", "key", "panda", "tree", "guitar", "pizza"];
const STEPS = 40;
const PAIRS_PER_STEP = 8;

/** Made-up but plausible data: a base with a habit, and methods that unlearn it to different degrees. */
export function reportFixture(given: { vocabulary?: string[]; scenes?: FixtureScene[] } = {}): ReportData {
  const random = xoroshiro128plus(7);
  const chance = (): number => uniformFloat64(random);
  const vocabulary = given.vocabulary ?? VOCABULARY;
  const pick = (): string => vocabulary[Math.floor(chance() * vocabulary.length)] as string;
  const scenes =
    given.scenes ??
    Array.from({ length: 200 }, () => ({
      objects: [...new Set(Array.from({ length: 1 + Math.floor(chance() * 3) }, pick))],
      png: PIXEL,
    }));
  const truth = scenes.map(({ objects }) => ({ objects, truths: ["Yes.", "No."] as const }));
  const answer = (habit: number, recall: number) =>
    truth.map(({ objects }): Said => {
      const named = objects.filter(() => chance() < recall);
      if (chance() < habit) named.push(pick());
      return {
        caption: named.length === 0 ? "" : `a ${named.join(", a ")}.`,
        answers: [chance() < recall ? "Yes." : "No.", chance() < habit / 2 ? "Yes." : "No."],
      };
    });
  const results = new Map<string, EvalResult>();
  const counted = new Map<string, Scored>();
  const answers = new Map<string, Said[]>();
  const model = (name: string, habit: number, recall: number): Scores => {
    const said = answer(habit, recall);
    const scored = countScenes(truth, said);
    const result = evalResult("scenes", "fixed", scored, { inputs: {}, settings: {}, notes: [] });
    answers.set(name, said);
    counted.set(name, scored);
    results.set(name, result);
    return { metrics: result.metrics, interval: result.interval };
  };
  const models = {
    base: model("base", 0.62, 0.94),
    sft: model("sft", 0.12, 0.9),
    dpo: model("dpo", 0.28, 0.86),
    scpo: model("scpo", 0.08, 0.93),
  };
  const [easy, medium] = [model("easy", 0.4, 0.95), model("medium", 0.2, 0.94)];
  const named = (name: string) => ({ name, result: results.get(name) as EvalResult });
  const compared = compareResults(named("base"), named("scpo")).metrics;
  const example = (at: number): ExampleScene => ({
    id: `test-${at}`,
    png: (scenes[at] as FixtureScene).png,
    objects: (scenes[at] as FixtureScene).objects,
    before: (answers.get("base") as Said[])[at]?.caption ?? "",
    after: (answers.get("scpo") as Said[])[at]?.caption ?? "",
  });
  const { sheet } = counted.get("scpo") as Scored;
  const chosen = chooseScenes(truth.map((_, at) => captionMistakes(sheet, `scene-${at}`)));
  const difficulties = Array.from({ length: 3 * STEPS * PAIRS_PER_STEP }, (_, pair, count = 960) => pair / (count - 1));
  const trainings = [training("scpo", 3, chance), training("dpo", 1, chance)];
  return {
    title: "SCPO on drawn scenes",
    result: {
      seed: 1,
      threads: 1,
      test_scenes: truth.length,
      pairs: difficulties.length,
      models,
      stages: [
        { method: "sft", name: "shuffled", stage: 0, scores: models.sft },
        { method: "dpo", name: "shuffled", stage: 0, scores: models.dpo },
        { method: "scpo", name: "easy", stage: 0, scores: easy },
        { method: "scpo", name: "medium", stage: 1, scores: medium },
        { method: "scpo", name: "hard", stage: 2, scores: models.scpo },
      ],
      comparisons: { scpo: Object.fromEntries(compared.map((metric) => [metric.name, metric])) },
      seconds: { difficulty: 21.4, scpo: 142, all: 301 },
    },
    labels: {
      sft: "fine-tuning on the true texts",
      dpo: "DPO",
      scpo: "SCPO with anchor",
    },
    before: "base",
    after: "scpo",
    firstScenes: chosen.first.map(example),
    worstScenes: chosen.worst.map(example),
    trainings,
    worstPairs: chooseWorstPairs(trainings[0]?.records ?? [], 6).map((record) => ({
      pair: record.pair,
      kind: "presence, added_companion",
      difficulty: difficulties[record.pair] ?? null,
      stage: record.stage,
      image: (scenes[record.pair % scenes.length] as FixtureScene).png,
      rejectedImage: (scenes[(record.pair + 1) % scenes.length] as FixtureScene).png,
      prompt: "Describe the picture.",
      chosen: `a ${(scenes[record.pair % scenes.length] as FixtureScene).objects.join(", a ")}.`,
      rejected: `a ${(scenes[(record.pair + 1) % scenes.length] as FixtureScene).objects.join(", a ")}.`,
      textualMargin: record.textualMargin,
      visualMargin: record.visualMargin,
    })),
    difficulties,
    agreement: {
      difficulty: { wrong_margins: 0.31, negative_margin: 0.42, pairs: 960 },
      signals: {
        entropy: { wrong_margins: 0.22, negative_margin: 0.28, pairs: 960 },
        image_similarity: { wrong_margins: 0.12, negative_margin: 0.2, pairs: 960 },
        transport_distance: { wrong_margins: 0.1, negative_margin: 0.19, pairs: 960 },
        word_proximity: { wrong_margins: -0.03, negative_margin: null, pairs: 480 },
      },
      kind: { wrong_margins: 0.36, negative_margin: 0.33, pairs: 960 },
    },
    provenance: {
      command: "npx scpo demo --seed 1",
      device: "cpu",
      versions: { scpo: "0.1.0", node: "22.0.0", torch: "2.13.0", trl: "1.13.0" },
      hashes: { "base weights": "3f".repeat(32), "graded pairs": "a7".repeat(32) },
      recipe: { pairs: 960, epochs: 1, batch_size: 8, learning_rates: { scpo: 5e-5 } },
    },
  };
}

function training(method: string, stages: number, chance: () => number): TrainingHistory {
  const steps = (3 * STEPS) / stages;
  const records: PairRecord[] = [];
  const metrics: TrainingHistory["steps"][number][] = [];
  for (let step = 1; step <= 3 * STEPS; step++) {
    const stage = Math.floor((step - 1) / steps);
    const inStage = step - stage * steps;
    const learnt = 1 - Math.exp(-inStage / 15);
    for (let at = 0; at < PAIRS_PER_STEP; at++) {
      const noise = (): number => (chance() + chance() + chance() - 1.5) * 0.8;
      const rewards = quad(
        0.4 * learnt + 0.2 * noise(),
        -1.8 * learnt + noise() * learnt,
        -1.2 * learnt + noise() * learnt,
        0.3 * learnt,
      );
      const policy = quad(
        -3.1 + rewards.chosenGivenImages,
        -4 + 5 * rewards.rejectedGivenImages,
        -6 + 4 * rewards.chosenGivenRejectedImages,
        -3.4,
      );
      const within = Math.floor(chance() * steps * PAIRS_PER_STEP);
      records.push({
        step,
        stage,
        pair: stage * steps * PAIRS_PER_STEP + within,
        policy,
        reference: quad(-3, -4, -6, -3),
        rewards,
        textualMargin: rewards.chosenGivenImages - rewards.rejectedGivenImages,
        visualMargin: rewards.chosenGivenImages - rewards.chosenGivenRejectedImages,
        textualMirrorMargin: rewards.rejectedGivenRejectedImages - rewards.chosenGivenRejectedImages,
        visualMirrorMargin: rewards.rejectedGivenRejectedImages - rewards.rejectedGivenImages,
      });
    }
    metrics.push({
      step,
      stage,
      stepInStage: inStage,
      loss: 2.7 - 2 * learnt,
      terms: { textual: 0.6 },
      accuracies: { textual: 0.9 },
      rewards: quad(0, 0, 0, 0),
      klReference: 0.6 * learnt * learnt,
      klInitial: 0.6 * (stage + learnt) ** 1.3,
      learningRate: 5e-5 * Math.min(1, inStage / 3) * (0.5 + 0.5 * Math.cos((Math.PI * inStage) / steps)),
      gradNorm: 6 * Math.exp(-inStage / 20) + chance() * 2,
      seconds: 0.3,
      tokens: 900,
      memoryBytes: 0,
      pairs: [],
      heldOut: undefined,
    });
  }
  const names = stages === 1 ? ["shuffled"] : ["easy", "medium", "hard"];
  return {
    method,
    stages: names.map((name, stage) => ({ stage, name, firstStep: stage * steps + 1, lastStep: (stage + 1) * steps })),
    referenceUpdates: names
      .slice(1)
      .map((_, at) => ({ step: (at + 1) * steps, alpha: 1, reason: "reset to the policy" })),
    steps: metrics,
    records,
    telemetry: { lost: 0, complete: true },
  };
}

function quad(ww: number, lw: number, wl: number, ll: number): QuadLogps {
  return {
    chosenGivenImages: ww,
    rejectedGivenImages: lw,
    chosenGivenRejectedImages: wl,
    rejectedGivenRejectedImages: ll,
  };
}
