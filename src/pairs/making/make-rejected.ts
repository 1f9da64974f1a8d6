import { Random } from "../../numbers/random.js";
import { CaptionReader } from "./caption.js";
import { attributeContrast } from "./contrast-attribute.js";
import { countContrast } from "./contrast-count.js";
import { objectContrast } from "./contrast-object.js";
import { presenceContrast } from "./contrast-presence.js";
import { relationContrast } from "./contrast-relation.js";
import { type MakingContext, readRow, type TextContrast, type TextContrastKind } from "./contrast-text.js";
import type { MakingRow } from "./making-row.js";
import { Things } from "./things.js";
import { Vocabulary } from "./vocabulary.js";

/** Every kind of fact that can be replaced. A new kind is one file and one entry here. */
export const TEXT_CONTRAST_KINDS: readonly TextContrastKind[] = [
  objectContrast,
  attributeContrast,
  countContrast,
  relationContrast,
  presenceContrast,
];

/** How often every kind is tried for further texts of a row. */
const ROUNDS = 3;

/** Everything that texts are made with, before the first row was learnt. */
export function openContext(): MakingContext {
  const things = new Things();
  return { reader: new CaptionReader(), things, vocabulary: new Vocabulary(things) };
}

/** Makes rejected texts: first every row of the set is shown to it, then texts are made of any of them. */
export class RejectedTextMaker {
  readonly #context: MakingContext;
  readonly #kinds: readonly TextContrastKind[];
  readonly #seed: number;

  /**
   * @param options.kinds - All when left out.
   * @param options.seed - Every choice depends on it.
   * @param options.context - What was learnt before; nothing when left out.
   */
  constructor(options: { kinds?: readonly TextContrastKind[]; seed: number; context?: MakingContext }) {
    this.#context = options.context ?? openContext();
    this.#kinds = options.kinds ?? TEXT_CONTRAST_KINDS;
    this.#seed = options.seed;
  }

  /** Takes note of the objects of a row. */
  learn(row: MakingRow): void {
    this.#context.vocabulary.add(row, this.#context.reader);
  }

  /**
   * Makes a text that differs from a row's chosen text in one fact and is false of its image.
   *
   * @param row - The same row and seed give the same text, whatever was made before.
   * @returns The text, or null where no fact can be replaced safely.
   */
  make(row: MakingRow): TextContrast | null {
    for (const contrast of this.proposals(row)) return contrast;
    return null;
  }

  /**
   * All of {@link make}'s texts for a row that it would take in turn, each of them false of the image.
   *
   * @param row - See there.
   */
  *proposals(row: MakingRow): Generator<TextContrast, void, undefined> {
    const random = new Random(`rejected/${this.#seed}/${row.id}`);
    const read = readRow(row, this.#context.reader);
    const made = new Set<string>();
    for (let round = 0; round < ROUNDS; round++) {
      for (const kind of random.sample(this.#kinds)) {
        const contrast = kind.propose(read, this.#context, random);
        if (contrast === null || made.has(contrast.rejected)) continue;
        made.add(contrast.rejected);
        yield contrast;
      }
    }
  }
}
