import type { SceneTruth } from "../evaluation/scene-answers.js";
import { type EvaluationScene, readEvaluationScenes } from "../scenes/world-files.js";

/** The truth of every scene of a file. */
export async function readTruth(scenesPath: string): Promise<SceneTruth[]> {
  return (await readEvaluationScenes(scenesPath)).map(sceneTruth);
}

function sceneTruth(scene: EvaluationScene): SceneTruth {
  return {
    id: scene.id,
    objects: scene.objects,
    questions: scene.questions.map(({ text }) => text),
    answers: scene.questions.map(({ answer }) => answer),
    kinds: scene.questions.map(({ kind }) => kind),
  };
}
