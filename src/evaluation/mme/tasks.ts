import type { BenchmarkFile } from "../benchmark.js";

/** The tasks by the two sums that MME prints. */
export const GROUPS = {
  perception: [
    "existence",
    "count",
    "position",
    "color",
    "posters",
    "celebrity",
    "scene",
    "landmark",
    "artwork",
    "OCR",
  ],
  cognition: ["commonsense_reasoning", "numerical_calculation", "text_translation", "code_reasoning"],
} as const;

/** The perception tasks that papers on hallucination report. */
export const HALLUCINATION_TASKS: readonly string[] = ["existence", "count", "position", "color"];

/** All tasks, in MME's order. */
export const TASKS: readonly string[] = [...GROUPS.perception, ...GROUPS.cognition];

/** Questions of each task in the published benchmark, two an image. */
export const QUESTIONS: Readonly<Record<string, number>> = {
  ...{ existence: 60, count: 60, position: 60, color: 60, posters: 294, celebrity: 340, scene: 400, landmark: 400 },
  ...{ artwork: 400, OCR: 40, commonsense_reasoning: 140, numerical_calculation: 40, text_translation: 40 },
  code_reasoning: 40,
};

/** Tasks whose images lie in a folder `images` of the task's own. */
const WITH_IMAGE_FOLDER: readonly string[] = ["posters", "celebrity", "scene", "landmark", "artwork"];

/**
 * What an image is called whatever kind of file it is: LLaVA's converter names the file of its questions, 0020.txt for
 * 0020.png.
 *
 * Source: https://github.com/haotian-liu/LLaVA/blob/main/docs/Evaluation.md (convert_answer_to_mme.py in its eval.zip)
 */
export function imageStem(image: string): string {
  return image.replace(/\.(?:png|jpe?g|txt)$/i, "");
}

/** Where MME's release keeps an image, within the folder of images. */
export function imagePath(task: string, image: string): string {
  return WITH_IMAGE_FOLDER.includes(task) ? `${task}/images/${image}` : `${task}/${image}`;
}

/** A task's lines of image, question and label, as MME's evaluation tool holds them for answers to be added. */
export function templateFile(task: string): BenchmarkFile {
  const name = `${task}.txt`;
  return {
    path: `Your_Results/${name}`,
    also: [`eval_tool/Your_Results/${name}`, name],
    holds: `image, question and label of ${task} (answer files carry them too)`,
    optional: true,
  };
}
