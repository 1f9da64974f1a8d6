import { captionObjects } from "./caption-objects.js";
import type { SceneAnswer, SceneTruth } from "./scene-answers.js";

/** Counts of one scene, or their sum over scenes; every score is a ratio of these. */
export interface SceneTally {
  captions: number;
  /** Captions that name an object which is not in the picture. */
  hallucinatedCaptions: number;
  /** Mentions of objects in captions, repetitions counted. */
  mentions: number;
  absentMentions: number;
  /** Objects in the pictures. */
  presentObjects: number;
  /** Objects in the pictures that the caption names. */
  namedObjects: number;
  questions: number;
  /** Questions by truth and answer; an answer that is neither yes nor no is in none of the four. */
  trueYes: number;
  falseYes: number;
  trueNo: number;
  falseNo: number;
  /** Questions whose true answer is yes. */
  yesQuestions: number;
}

/** The names of all counts, in the order in which they are summed. */
export const TALLY_COUNTS = [
  "captions",
  "hallucinatedCaptions",
  "mentions",
  "absentMentions",
  "presentObjects",
  "namedObjects",
  "questions",
  "trueYes",
  "falseYes",
  "trueNo",
  "falseNo",
  "yesQuestions",
] as const satisfies readonly (keyof SceneTally)[];

/**
 * Reads a yes/no answer: its first word decides.
 *
 * @param text - For example "Yes." or "no".
 * @returns null for anything else, which counts as neither.
 */
export function readYesNo(text: string): "yes" | "no" | null {
  const word = /^\P{L}*(\p{L}+)/u.exec(text)?.[1]?.toLowerCase();
  return word === "yes" || word === "no" ? word : null;
}

/**
 * Counts what a model's answers say of each scene.
 *
 * @param scenes - The truth, shape (n).
 * @param answers - What the model said, shape (n), in the same order.
 * @param vocabulary - Names of all objects of the world.
 * @returns One tally per scene, shape (n).
 * @throws RangeError when scenes and answers do not match one to one; TypeError when a true answer is not yes or no.
 */
export function tallyScenes(
  scenes: readonly SceneTruth[],
  answers: readonly SceneAnswer[],
  vocabulary: ReadonlySet<string>,
): SceneTally[] {
  if (scenes.length !== answers.length) {
    throw new RangeError(`${scenes.length} scenes have ${answers.length} answers`);
  }
  return scenes.map((scene, at) => tallyScene(scene, answers[at] as SceneAnswer, vocabulary));
}

function tallyScene(scene: SceneTruth, answer: SceneAnswer, vocabulary: ReadonlySet<string>): SceneTally {
  const present = new Set(scene.objects);
  const mentions = captionObjects(answer.caption, vocabulary);
  const absent = mentions.filter((object) => !present.has(object)).length;
  const tally: SceneTally = {
    captions: 1,
    hallucinatedCaptions: absent > 0 ? 1 : 0,
    mentions: mentions.length,
    absentMentions: absent,
    presentObjects: present.size,
    namedObjects: new Set(mentions.filter((object) => present.has(object))).size,
    questions: scene.questions.length,
    trueYes: 0,
    falseYes: 0,
    trueNo: 0,
    falseNo: 0,
    yesQuestions: 0,
  };
  if (answer.answers.length !== scene.questions.length || scene.answers.length !== scene.questions.length) {
    throw new RangeError(
      `scene ${scene.id}: ${scene.questions.length} questions, ${scene.answers.length} true answers, ` +
        `${answer.answers.length} answers of the model`,
    );
  }
  for (const [at, truthText] of scene.answers.entries()) {
    const truth = readYesNo(truthText);
    if (truth === null) throw new TypeError(`scene ${scene.id}: true answer is "${truthText}", expected Yes. or No.`);
    const said = readYesNo(answer.answers[at] as string);
    if (truth === "yes") tally.yesQuestions++;
    if (said === "yes") tally[truth === "yes" ? "trueYes" : "falseYes"]++;
    if (said === "no") tally[truth === "no" ? "trueNo" : "falseNo"]++;
  }
  return tally;
}
