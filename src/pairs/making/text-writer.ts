import type { ChatModel } from "../../chat/chat-model.js";
import type { Message } from "../../chat/http.js";
import { isAbsent, type MakingContext, readRow, type TextContrast } from "./contrast-text.js";
import type { MakingRow } from "./making-row.js";
import { factChanged } from "./one-fact.js";
import { Random } from "../../numbers/random.js";

const KINDS = ["object", "attribute", "count", "relation", "presence"] as const;
/** How often a row is asked about before it is given up. */
const TRIES = 3;

const TASK =
  "You change one fact of an image description so that it becomes false of the image. Keep every other word, and keep the " +
  "grammar right. Answer with the changed description alone, without quotation marks.";
const WISHES: Readonly<Record<(typeof KINDS)[number], string>> = {
  object: "Replace one object by another that the image does not show.",
  attribute: "Replace one attribute of an object, such as its colour, size or material, by another that excludes it.",
  count: "Change how many there are of one object.",
  relation: "Change how one object stands to another, such as left to right or above to below.",
  presence: "Add one object that the image does not show, or deny one that it does.",
};

/** Lets a model write rejected texts, and takes those that differ in exactly one fact. */
export class TextWriter {
  readonly #model: ChatModel;

  /** @param model - Whom to ask; its answers are cached. */
  constructor(model: ChatModel) {
    this.#model = model;
  }

  /**
   * Writes a row's rejected text.
   *
   * @param row - What is known of the image.
   * @param context - See there.
   * @param seed - Decides on the kind of fact that is asked for.
   * @returns The text, or why none was taken.
   * @throws UserError when the endpoint gives no answer.
   */
  async write(row: MakingRow, context: MakingContext, seed: number): Promise<TextContrast | string> {
    const kinds = new Random(`writer/${seed}/${row.id}`).sample(KINDS);
    let fault = "";
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const kind = kinds[attempt] as (typeof KINDS)[number];
      const { content } = await this.#model.ask(messagesFor(row, kind), { temperature: 0 });
      const rejected = content.trim().replace(/^["\u201c]|["\u201d]$/g, "");
      const changed = factChanged(row.chosen, rejected, context.reader);
      if (typeof changed === "string") {
        fault = changed;
      } else if (changed.newTerm !== null && !isAbsent(changed.newTerm, readRow(row, context.reader), context)) {
        fault = `"${changed.newTerm}" may be in the picture`;
      } else {
        const { kind: found, chosenWord, rejectedWord } = changed;
        return { kind: found, detail: "written", rejected, chosenWord, rejectedWord };
      }
    }
    return `the endpoint wrote no text with one fact changed in ${TRIES} tries (${fault})`;
  }
}

function messagesFor(row: MakingRow, kind: (typeof KINDS)[number]): Message[] {
  const shown = row.objects === null ? "" : `\nThe image shows: ${row.objects.join(", ")}.`;
  return [
    { role: "system", content: TASK },
    { role: "user", content: `${WISHES[kind]}${shown}\nDescription: ${row.chosen}` },
  ];
}
