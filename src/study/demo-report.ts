import { readPairs } from "../pairs/pair-rows.js";
import { readEvaluationScenes } from "../scenes/world-files.js";
import { captionMistakes } from "../evaluation/scenes/figures.js";
import { captionsOf } from "../evaluation/scenes/scenes.js";
import { readAllJsonl } from "../files/jsonl.js";
import type { StudyResult } from "../report/study-result.js";
import { chooseScenes, chooseWorstPairs } from "../report/choose-examples.js";
import { writeReport } from "../report/report.js";
import type { ExamplePair, ExampleScene, ReportData, TrainingHistory } from "../report/report-data.js";
import { packageVersion } from "../package-root.js";
import type { DataFile, GradeResult } from "./task.js";
import { METHODS } from "./method.js";
import type { Recipe } from "./recipe.js";
import { countAnswers, type ModelScores, readOrigin } from "./model-scores.js";

/** A method that was trained and scored after each stage. */
export interface TrainedMethod {
  name: string;
  training: TrainingHistory;
  stages: readonly ModelScores[];
  seconds: number;
}

/** Everything that was computed, for the page. */
export interface DemoParts {
  grade: GradeResult & { seconds: number };
  base: ModelScores & { seconds: number };
  methods: readonly TrainedMethod[];
}

/** What the page is made from. */
export interface DemoReportSource {
  result: StudyResult;
  parts: DemoParts;
  scenes: DataFile;
  recipe: Recipe;
}

/** Method whose training the page is about. */
const AFTER = "scpo";

/** Writes the demonstration's page. */
export async function writeDemoReport(path: string, source: DemoReportSource): Promise<void> {
  await writeReport(path, await demoReportData(source));
}

async function demoReportData(source: DemoReportSource): Promise<ReportData> {
  const { result, parts, recipe } = source;
  const after = parts.methods.find(({ name }) => name === AFTER)?.stages.at(-1);
  if (after === undefined) throw new Error(`the demonstration trained no ${AFTER}`);
  const scenes = await readEvaluationScenes(source.scenes.path);
  const { sheet } = await countAnswers(source.scenes, after);
  const chosen = chooseScenes(scenes.map(({ id }) => captionMistakes(sheet, id)));
  const said = { before: await captionsIn(parts.base.answers), after: await captionsIn(after.answers) };
  const example = (row: number): ExampleScene => {
    const scene = scenes[row] as (typeof scenes)[number];
    const [before = "", after = ""] = [said.before.get(scene.id), said.after.get(scene.id)];
    return { id: scene.id, png: scene.image, objects: scene.objects, before, after };
  };
  // The page is about the first training; the others are folded.
  const isAfter = ({ name }: TrainedMethod) => name === AFTER;
  const ordered = [...parts.methods.filter(isAfter), ...parts.methods.filter((method) => !isAfter(method))];
  const trainings = ordered.map(({ training }) => training);
  const origin = await readOrigin(parts.base);
  const hashes = parts.methods.map(async ({ name, stages }) => {
    const { weightsSha256 } = await readOrigin(stages.at(-1) as ModelScores);
    return [`${name} weights`, weightsSha256] as const;
  });
  const pairs = await readPairs(parts.grade.graded.path, { images: true });
  const worstPairs = chooseWorstPairs(trainings[0]?.records ?? []).map((record): ExamplePair => {
    const pair = pairs[record.pair] as (typeof pairs)[number];
    return {
      pair: record.pair,
      kind: [pair.kind, pair.detail?.replaceAll("_", " ")].filter((part) => part != null).join(", "),
      difficulty: pair.difficulty,
      stage: pair.stage,
      image: pair.images[0] as Uint8Array,
      rejectedImage: pair.rejectedImages[0] as Uint8Array,
      prompt: pair.prompt,
      chosen: pair.chosen,
      rejected: pair.rejected,
      textualMargin: record.textualMargin,
      visualMargin: record.visualMargin,
    };
  });
  return {
    title: "SCPO on drawn scenes",
    result,
    labels: { base: "base", ...Object.fromEntries(METHODS.map(({ name, title }) => [name, title])) },
    before: "base",
    after: AFTER,
    firstScenes: chosen.first.map(example),
    worstScenes: chosen.worst.map(example),
    trainings,
    worstPairs,
    difficulties: pairs.map(({ difficulty }) => difficulty),
    agreement: parts.grade.agreement,
    provenance: {
      command: `npx scpo demo --seed ${result.seed} --pairs ${result.pairs}`,
      device: origin.device,
      versions: { scpo: packageVersion(), node: process.versions.node, ...origin.versions },
      hashes: {
        "base weights": origin.weightsSha256,
        "graded pairs": parts.grade.graded.sha256,
        ...Object.fromEntries(await Promise.all(hashes)),
      },
      recipe,
    },
  };
}

async function captionsIn(answers: string): Promise<Map<string, string>> {
  return captionsOf(await readAllJsonl<Parameters<typeof captionsOf>[0][number]>(answers));
}
