import { UserError } from "../../errors.js";
import { type FileRow, idField, place, SeenIds, shown } from "../../files/rows.js";
import type { Mode } from "../benchmark.js";
import type { Annotations } from "./annotations.js";

/** What a file answers: the images to describe, the questions, or both. */
export type Part = "generative" | "discriminative" | "both";

/** Keeps account of which questions were answered. */
export class Answered {
  readonly #items: Annotations["items"];
  readonly #part: Part;
  readonly #seen = new SeenIds("id");
  #file = "";
  #leftOut = 0;

  /**
   * @param truth - All questions.
   * @param part - Those that are scored.
   */
  constructor(truth: Annotations, part: Part) {
    this.#items = truth.items;
    this.#part = part;
  }

  /** Number of answers that are scored. */
  get count(): number {
    return this.#seen.size - this.#leftOut;
  }

  /**
   * The item that a row answers, or undefined when it is not of this part.
   *
   * @throws UserError when there is none, or it was answered before.
   */
  take(row: FileRow): ReturnType<Annotations["items"]["get"]> {
    this.#file = row.file;
    const id = idField(row, "id");
    this.#seen.add(row, id);
    const item = this.#items.get(id);
    if (item === undefined) {
      throw new UserError(
        `${place(row)}: field id is ${shown(id)}, an answer too many: the annotations go from 1 to ${this.#items.size}`,
      );
    }
    if (this.#belongs(item.kind)) return item;
    this.#leftOut += 1;
    return undefined;
  }

  /**
   * What to say of questions without an answer. The official script scores what is there; in fixed mode a kind of
   * questions is answered whole or not at all.
   *
   * @throws UserError when answers are missing.
   */
  notes(mode: Mode): string[] {
    const missing = new Map<string, number>();
    const given = new Set<string>();
    let first: string | undefined;
    for (const [id, { kind }] of this.#items) {
      if (!this.#belongs(kind)) continue;
      if (this.#seen.has(id)) given.add(kind);
      else missing.set(kind, (missing.get(kind) ?? 0) + 1);
    }
    for (const [id, { kind }] of this.#items) {
      if (first === undefined && missing.has(kind) && given.has(kind) && !this.#seen.has(id)) first = id;
    }
    if (given.size === 0) throw new UserError(`${this.#file}: holds no answer to the ${this.#part} questions of AMBER`);
    const parts = [...missing].map(([kind, count]) => `${count} ${kind}`).join(", ");
    if (mode === "fixed" && first !== undefined) {
      throw new UserError(
        `${this.#file}: questions without an answer: ${parts}, first id ${first}; answer them, or score what is there ` +
          "with --mode strict",
      );
    }
    return [
      ...(parts === "" ? [] : [`questions without an answer: ${parts}`]),
      ...(this.#leftOut === 0 ? [] : [`${this.#leftOut} answers to other questions of AMBER were left out`]),
    ];
  }

  #belongs(kind: string): boolean {
    return this.#part === "both" || (kind === "generative") === (this.#part === "generative");
  }
}
