import { filled, formatted, type OfficialScript, promptOf } from "../judging/official-script.js";

/** The two questions to the judge. */
export interface HallusionPrompts {
  /** Is an answer right, wrong or unclear? */
  correctness(question: string, reference: string, answer: string): string;
  /** Do the answers on the image and on its original agree? */
  agreement(answer: string, original: string): string;
}

const OWN_CORRECTNESS = `Compare a given answer with the reference answer to the same question. Say "correct" if the two agree, "incorrect" if they contradict each other, and "unclear" if the given answer does not commit itself. Reply with that one word.

Question: {question}
Reference answer: {reference}
Given answer: {answer}`;

const OWN_AGREEMENT = `Here are two answers to questions that you do not know. Could both be true of the same thing? Say "same" if nothing in them is at odds, "different" otherwise. Reply with that one word.

First answer: {answer}
Second answer: {original}`;

/** In our words. */
export const ownPrompts: HallusionPrompts = {
  correctness: (question, reference, answer) => formatted(OWN_CORRECTNESS, { question, reference, answer }),
  agreement: (answer, original) => formatted(OWN_AGREEMENT, { answer, original }),
};

/**
 * Takes both prompts from the official utils.py, which builds them line by line.
 *
 * @throws UserError when it is not as expected.
 */
export function officialPrompts(script: OfficialScript): HallusionPrompts {
  const correctness = promptOf(script, "evaluate_by_chatgpt");
  const agreement = promptOf(script, "check_same_by_chatgpt");
  const prompts: HallusionPrompts = {
    correctness: (question, reference, answer) =>
      filled(script, correctness, {
        "sample['question']": question,
        "sample['gt_answer_details']": reference,
        "sample[output_entry]": answer,
      }),
    agreement: (answer, original) => filled(script, agreement, { "sample[output_entry]": answer, response2: original }),
  };
  // Places that we do not know are found here rather than in the midst of scoring.
  prompts.correctness("", "", "");
  prompts.agreement("", "");
  return prompts;
}
