import { readPairs } from "../pairs/pair-rows.js";
import { readEvaluationScenes } from "../scenes/world-files.js";
import { captionMistakes } from "../evaluation/scenes/figures.js";
import { captionsOf, scenes as benchmark } from "../evaluation/scenes/scenes.js";
import { count } from "../evaluation/score.js";
import { readAllJsonl } from "../files/jsonl.js";
import type { StudyResult } from "../report/study-result.js";
import { chooseScenes, chooseWorstPairs } from "../report/choose-examples.js";
import { readTraining } from "../report/read-training.js";
import { writeReport } from "../report/report.js";
import type { ExamplePair, ExampleScene, ReportData } from "../report/report-data.js";
import { packageVersion } from "../package-root.js";
import type { GradeResult, ScoresResult } from "./job.js";
import { METHODS } from "./method.js";
import type { Recipe } from "./recipe.js";

/** Everything that was computed, for the page. */
export interface DemoParts {
  grade: GradeResult;
  base: ScoresResult;
  methods: Map<string, ScoresResult>;
}

/** What the page is made from. */
export interface DemoReportSource {
  result: StudyResult;
  parts: DemoParts;
  scenesPath: string;
  recipe: Recipe;
  /** Folder of the run; every method has a folder in it. */
  directory: (method: string) => string;
  /** Versions of the trainer's packages, by name. */
  versions: Readonly<Record<string, string>>;
  device: string;
}

/** Method whose training the page is about. */
const AFTER = "scpo";

/** Writes the demonstration's page. */
export async function writeDemoReport(path: string, source: DemoReportSource): Promise<void> {
  await writeReport(path, await demoReportData(source));
}

async function demoReportData(source: DemoReportSource): Promise<ReportData> {
  const { result, parts, scenesPath, recipe } = source;
  const after = parts.methods.get(AFTER);
  if (after === undefined) throw new Error(`the demonstration trained no ${AFTER}`);
  const scenes = await readEvaluationScenes(scenesPath);
  const { scored } = await count({ benchmark, annotations: scenesPath, answers: after.answers });
  const chosen = chooseScenes(scenes.map(({ id }) => captionMistakes(scored.sheet, id)));
  const said = { before: await captionsIn(parts.base.answers), after: await captionsIn(after.answers) };
  const example = (row: number): ExampleScene => {
    const scene = scenes[row] as (typeof scenes)[number];
    const [before = "", after = ""] = [said.before.get(scene.id), said.after.get(scene.id)];
    return { id: scene.id, png: scene.image, objects: scene.objects, before, after };
  };
  // The page is about the first training; the others are folded.
  const names = [AFTER, ...[...parts.methods.keys()].filter((name) => name !== AFTER)];
  const trainings = await Promise.all(
    names.map((name) => readTraining(source.directory(name), name, parts.methods.get(name)?.telemetry)),
  );
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
      device: source.device,
      versions: { scpo: packageVersion(), node: process.versions.node, ...source.versions },
      hashes: {
        "base weights": parts.base.weightsSha256,
        "graded pairs": parts.grade.graded.sha256,
        ...Object.fromEntries(
          [...parts.methods].map(([name, { weightsSha256 }]) => [`${name} weights`, weightsSha256]),
        ),
      },
      recipe,
    },
  };
}

async function captionsIn(answers: string): Promise<Map<string, string>> {
  return captionsOf(await readAllJsonl<Parameters<typeof captionsOf>[0][number]>(answers));
}
