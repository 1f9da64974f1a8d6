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

/** Tasks whose images lie in a folder `images` of the task's own. */
const WITH_IMAGE_FOLDER: readonly string[] = ["posters", "celebrity", "scene", "landmark", "artwork"];

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
