import type { Message } from "../judge.js";
import { formatted, type OfficialScript, stringAfter } from "../judging/official-script.js";
import type { MmvpItem } from "./items.js";

/** Puts an answer to the judge. */
export type MmvpPrompt = (item: MmvpItem, answer: string) => Message[];

const OWN_SYSTEM = "You check answers to questions. Reply with one word, yes or no.";
const OWN = `Question: {question}
Right answer: {reference}
Given answer: {answer}
Is the given answer right?`;

/** In our words. */
export function ownPrompt({ prompt, answer: reference }: MmvpItem, answer: string): Message[] {
  return [
    { role: "system", content: OWN_SYSTEM },
    { role: "user", content: formatted(OWN, { question: prompt, reference, answer }) },
  ];
}

/**
 * Takes the prompt from the official gpt_grader.py.
 *
 * @throws UserError when the script is not as expected.
 */
export function officialPrompt(script: OfficialScript): MmvpPrompt {
  const system = stringAfter(script, "'content': ");
  const template = stringAfter(script, "question4gpt = ");
  return ({ prompt, answer: reference }, answer) => [
    { role: "system", content: system },
    {
      role: "user",
      content: formatted(template, { question: prompt, correct_answer: reference, model_response: answer }),
    },
  ];
}
