import { UserError } from "../../errors.js";
import { type FileRow, place, shown, shownApart } from "../../files/rows.js";
import type { Prompt } from "../benchmark.js";
import type { PublicAnswer } from "./layout.js";

/** Words about how to answer, which tools put behind a question or take away. */
const INSTRUCTION =
  /(?:please )?answer (?:the question )?(?:with |using |in )?(?:a single word or phrase|one word|yes or no)\.?/gi;

/** Finds the question of a benchmark that a public answer belongs to. */
export class QuestionIndex {
  readonly #name: string;
  readonly #all: readonly Prompt[];
  readonly #byId = new Map<string, Prompt>();
  readonly #byImage = new Map<string, Prompt[]>();
  readonly #texts = new Map<string, number>();
  readonly #groups = new Set<string>();

  /**
   * @param name - Of the benchmark.
   * @param prompts - Its questions.
   */
  constructor(name: string, prompts: readonly Prompt[]) {
    this.#name = name;
    this.#all = prompts;
    for (const prompt of prompts) {
      this.#byId.set(String(prompt.id), prompt);
      const stem = stemOf(prompt.image);
      const ofImage = this.#byImage.get(stem);
      if (ofImage === undefined) this.#byImage.set(stem, [prompt]);
      else ofImage.push(prompt);
      const key = textKey(prompt.text);
      this.#texts.set(key, (this.#texts.get(key) ?? 0) + 1);
      if (prompt.group !== undefined) this.#groups.add(prompt.group);
    }
  }

  /**
   * The questions that an answer is to, one in each part of the benchmark that it names.
   *
   * @param row - Where it stands.
   * @param answer - What tells the question.
   * @throws UserError when there is none, or more than one.
   */
  find(row: FileRow, answer: PublicAnswer): Prompt[] {
    // MME's images are named with the folder of their task.
    const named = answer.groups ?? answer.image?.split("/").slice(0, -1) ?? [];
    const groups = named.map((group) => group.trim()).filter((group) => this.#groups.has(group));
    return groups.length === 0
      ? [this.#one(row, answer, undefined)]
      : groups.map((group) => this.#one(row, answer, group));
  }

  #one(row: FileRow, answer: PublicAnswer, group: string | undefined): Prompt {
    const { id, image, question } = answer;
    if (image !== undefined && (question !== undefined || id === undefined)) {
      const found = this.#about(image, question, group);
      if (found.length === 1) return found[0] as Prompt;
      if (found.length > 1) {
        throw new UserError(
          `${place(row)}: answers ${asked(answer)}, which ${this.#name} asks ${found.length} times` +
            (this.#groups.size > 0
              ? ` (in ${[...this.#groups].slice(0, 4).join(", ")}); name the part`
              : "; name the id"),
        );
      }
    }
    const byId = id === undefined ? undefined : (this.#byId.get(id) ?? this.#byId.get(String(Number(digitsOf(id)))));
    if (byId === undefined) {
      const some = this.#all[0];
      throw new UserError(
        `${place(row)}: answers ${asked(answer)}, which none of the ${this.#all.length} questions of ${this.#name} is; ` +
          `they are such as id ${String(some?.id)}, ${some?.image}, ${shown(some?.text)}`,
      );
    }
    this.#requireText(row, byId, question);
    return byId;
  }

  #about(image: string, question: string | undefined, group: string | undefined): Prompt[] {
    const ofImage = this.#byImage.get(stemOf(image)) ?? [];
    const ofGroup = group === undefined ? ofImage : ofImage.filter((prompt) => prompt.group === group);
    if (question === undefined) return ofGroup;
    const same = ofGroup.filter(({ text }) => sameText(text, question));
    // An instruction that is the same for every image may be put otherwise.
    return same.length === 0 && ofGroup.length === 1 && this.#isInstruction(ofGroup[0] as Prompt) ? ofGroup : same;
  }

  #requireText(row: FileRow, prompt: Prompt, question: string | undefined): void {
    if (question === undefined || sameText(prompt.text, question) || this.#isInstruction(prompt)) return;
    const [expected, found] = shownApart(prompt.text, question);
    throw new UserError(
      `${place(row)}: question ${String(prompt.id)} of ${this.#name} is ${expected}, the answer is to ${found}; ` +
        `the ids are those of another revision, or counted otherwise`,
    );
  }

  #isInstruction({ text }: Prompt): boolean {
    return this.#all.length === 1 || (this.#texts.get(textKey(text)) ?? 0) > 1;
  }
}

function asked({ id, image, question }: PublicAnswer): string {
  const parts = [
    ...(id === undefined ? [] : [`id ${shown(id)}`]),
    ...(image === undefined ? [] : [`image ${shown(image)}`]),
    ...(question === undefined ? [] : [`question ${shown(question)}`]),
  ];
  return parts.length === 0 ? "a question that it does not name" : parts.join(", ");
}

/** An image file's name without folder and ending. */
function stemOf(image: string): string {
  return (image.split(/[/\\]/).at(-1) as string).replace(/\.(?:jpe?g|png|webp|bmp|txt)$/i, "");
}

/** COCO's ids are numbers, and some tools write the file's name. */
function digitsOf(id: string): string {
  return /^COCO_(?:val|train)2014_(\d+)(?:\.jpg)?$/.exec(id)?.[1] ?? (/^0*\d+$/.test(id) ? id : "NaN");
}

function sameText(one: string, other: string): boolean {
  const [a, b] = [textKey(one), textKey(other)];
  return a === b || (a !== "" && b !== "" && (a.includes(b) || b.includes(a)));
}

function textKey(text: string): string {
  return text
    .replace(/<image>/g, "")
    .replace(/\s+/gu, " ")
    .replace(INSTRUCTION, "")
    .trim()
    .toLowerCase();
}
