import type { SceneTruth } from "../evaluation/scene-answers.js";
import type { EvaluationScene } from "../scenes/world-files.js";

/** What the scorers need to know of an evaluation scene. */
export function sceneTruth(scene: EvaluationScene): SceneTruth {
  return {
    id: scene.id,
    objects: scene.objects,
    questions: scene.questions.map(({ text }) => text),
    answers: scene.questions.map(({ answer }) => answer),
  };
}
