import type { Mode } from "../benchmark.js";
import type { Judge, JudgeSettings, Message } from "../judge.js";
import { formatted, type OfficialScript, stringAfter } from "../judging/official-script.js";

/** Asks which objects an answer names. */
export type ExtractionPrompt = (question: string, answer: string) => Message[];

/** Settings of the request by mode; official ones sample and cut long lists off. */
export const SETTINGS: Readonly<Record<Mode, JudgeSettings>> = {
  strict: { temperature: 0.2, top_p: 1, max_tokens: 512, presence_penalty: 0, frequency_penalty: 0 },
  fixed: { temperature: 0, max_tokens: 2048 },
};
/** Answers of at most so many words are taken to name no object. */
export const SHORT = 3;
/** How often a judge is asked for a list before scoring gives up. */
const MOST_ASKED = 5;

const OWN = `Somebody answered a question about a picture. Take the answer as true and list the visible objects that it says are in the picture: names of objects alone, as the answer has them, without colours, materials or other properties. Leave out what the answer only says is absent. Reply with one JSON list of strings, for example ["cup", "table"], or [] if it names none.

Question: {question}

Answer: {answer}`;

/** In our words. */
export const ownExtraction: ExtractionPrompt = (question, answer) => [
  { role: "user", content: formatted(OWN, { question, answer }) },
];

/**
 * Takes the prompt from the official eval_gpt_obj_halbench.py; it is put as the system's turn.
 *
 * @throws UserError when the script is not as expected.
 */
export function officialExtraction(script: OfficialScript): ExtractionPrompt {
  const template = stringAfter(script, "prompt_template = ");
  return (question, answer) => [{ role: "system", content: formatted(template, { question, answer }) }];
}

/**
 * Has a judge list the objects of an answer; what is no list is asked for again.
 *
 * @param judge - Whom to ask.
 * @param messages - The question.
 * @param mode - Decides how a list may be wrapped.
 * @returns The names and the model that gave them, or null where the judge gave no list.
 */
export async function extracted(
  judge: Judge,
  messages: readonly Message[],
  mode: Mode,
): Promise<{ names: string[]; model: string } | null> {
  for (let again = 0; again < MOST_ASKED; again++) {
    const { content, model } = await judge.ask(messages, SETTINGS[mode], again);
    const names = mode === "strict" ? strictList(content) : wrappedList(content);
    if (names !== null) return { names, model };
  }
  return null;
}

/** As the official script reads it: the whole answer, or its last line where a list seems to begin somewhere. */
export function strictList(content: string): string[] | null {
  const whole = listOf(content);
  if (whole !== null || !content.includes('["')) return whole;
  return listOf(content.trim().split("\n").at(-1) as string);
}

/** Also a list within other text or a fenced block: the last one. */
export function wrappedList(content: string): string[] | null {
  const whole = listOf(content);
  if (whole !== null) return whole;
  const lists = [...content.matchAll(/\[[^[\]]*\]/g)].map(([text]) => listOf(text)).filter((list) => list !== null);
  return lists.at(-1) ?? null;
}

function listOf(text: string): string[] | null {
  try {
    const value = JSON.parse(text) as unknown;
    return Array.isArray(value) && value.every((each) => typeof each === "string") ? value : null;
  } catch {
    return null;
  }
}
