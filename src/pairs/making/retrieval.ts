import type { Random } from "../../numbers/random.js";
import type { Embeddings } from "./embeddings.js";
import { type Fact, FACT_OF_KIND } from "./facts.js";
import type { Annotated } from "./image-truth.js";

/** Most rows that are looked at for one contrast image. */
const MOST_CANDIDATES = 1024;

const OBJECT = "o:";
const NOBODY: readonly number[] = [];

/** A row whose image may serve others as contrast image. */
export interface RetrievalRow {
  readonly id: string;
  /** Number of its image; rows with equal images share it. */
  readonly image: number;
  /** All that is known of the image. */
  readonly facts: ReadonlySet<Fact>;
  /** What is annotated of the image. */
  readonly annotated: Annotated;
}

/** What is looked for. */
export interface RetrievalQuery {
  readonly id: string;
  readonly image: number;
  /** Kind of fact that differs; any where null. */
  readonly kind: string | null;
  /** Whether the rejected text says something that the chosen one does not, rather than only denying. */
  readonly adds: boolean;
  /** Facts of the chosen and of the rejected text. */
  readonly chosen: ReadonlySet<Fact>;
  readonly rejected: ReadonlySet<Fact>;
  /** All that is known of the row's own image. */
  readonly facts: ReadonlySet<Fact>;
}

/** A contrast image. */
export interface Retrieved {
  /** Number of the image. */
  readonly image: number;
  readonly id: string;
  readonly annotated: Annotated;
  /** How like the row's own image it is: cosine of embeddings, or share of common objects among all. */
  readonly similarity: number;
  /** Whether it is known to have all facts that were read in the rejected text. */
  readonly fits: boolean;
}

interface IndexedRow {
  readonly id: string;
  readonly image: number;
  /** Numbers of its facts. */
  readonly facts: Uint32Array;
  /** Of those, the ones that say what is there. */
  readonly objectFacts: Uint32Array;
  readonly annotated: Annotated;
}

/** Finds, for a rejected text, an image of the set of which it is truer. */
export class RetrievalIndex {
  readonly #rows: IndexedRow[] = [];
  readonly #everyRow: number[] = [];
  readonly #numbers = new Map<Fact, number>();
  readonly #names: Fact[] = [];
  readonly #holders: number[][] = [];
  readonly #band: readonly [least: number, most: number];
  readonly #embeddings: Embeddings | undefined;

  /**
   * @param options.band - Least and greatest similarity of the two images, 0 to 1.
   * @param options.embeddings - Vectors of the images; without them common objects tell how alike two images are.
   */
  constructor(options: { band: readonly [number, number]; embeddings?: Embeddings | undefined }) {
    this.#band = options.band;
    this.#embeddings = options.embeddings;
  }

  /** Adds a row's image. */
  add({ id, image, facts, annotated }: RetrievalRow): void {
    const row = this.#rows.length;
    const numbers = Uint32Array.from([...facts].map((fact) => this.#numberOf(fact))).sort();
    for (const fact of numbers) (this.#holders[fact] as number[]).push(row);
    this.#everyRow.push(row);
    const objectFacts = numbers.filter((fact) => (this.#names[fact] as Fact).startsWith(OBJECT));
    this.#rows.push({ id, image, facts: numbers, objectFacts, annotated });
  }

  /**
   * Finds the image that has all of the changed fact and most of the rest, and among those the one most like the
   * row's own within the band.
   *
   * @param query - What is looked for.
   * @param random - Where among many rows the search begins.
   */
  find(query: RetrievalQuery, random: Random): Retrieved | null {
    const letter = query.kind === null ? undefined : FACT_OF_KIND[query.kind];
    const counts = (fact: Fact): boolean => letter === undefined || fact.startsWith(`${letter}:`);
    const come = [...query.rejected].filter((fact) => !query.chosen.has(fact) && counts(fact));
    const gone = [...query.chosen].filter((fact) => !query.rejected.has(fact) && counts(fact));
    const kept = [...query.rejected].filter((fact) => !come.includes(fact) && isClaim(fact));
    if (come.length === 0 && (query.adds || gone.length === 0)) return this.#byText(query, random);
    const [wanted, unwanted, hoped] = [come, gone, kept].map((facts) =>
      facts.map((fact) => this.#numbers.get(fact) ?? -1),
    ) as [number[], number[], number[]];
    const changed = new Set([...wanted, ...unwanted]);
    const own = [...query.facts]
      .filter((fact) => fact.startsWith(OBJECT))
      .map((fact) => this.#numbers.get(fact) ?? -1)
      .filter((fact) => !changed.has(fact));
    let best: { row: number; share: number; similarity: number } | undefined;
    const scan = (candidates: readonly number[]): void => {
      const start = candidates.length === 0 ? 0 : random.integer(0, candidates.length - 1);
      for (let step = 0; step < Math.min(candidates.length, MOST_CANDIDATES); step++) {
        const number = candidates[(start + step) % candidates.length] as number;
        const row = this.#rows[number] as IndexedRow;
        if (row.image === query.image) continue;
        if (!wanted.every((fact) => row.facts.includes(fact)) || unwanted.some((fact) => row.facts.includes(fact))) {
          continue;
        }
        const held = hoped.reduce((sum, fact) => sum + (row.facts.includes(fact) ? 1 : 0), 0);
        const share = hoped.length === 0 ? 1 : held / hoped.length;
        if (best !== undefined && share < best.share) continue;
        const similarity = this.#similarity(query.id, own, changed, row);
        if (similarity < this.#band[0] || similarity > this.#band[1]) continue;
        if (best !== undefined && share === best.share && similarity <= best.similarity) continue;
        best = { row: number, share, similarity };
        if (share === 1 && similarity >= Math.min(1, this.#band[1])) return;
      }
    };
    // An image that holds everything holds the rarest of it; one that holds what comes is the next best.
    const [first, second] = [this.#rarest([...come, ...kept]), this.#rarest(come)];
    scan(first);
    if (best?.share !== 1 && second !== first) scan(second);
    if (best === undefined) return this.#byText(query, random);
    const row = this.#rows[best.row] as IndexedRow;
    const { image, id, annotated } = row;
    return { image, id, annotated, similarity: best.similarity, fits: best.share === 1 };
  }

  /** By vectors alone: the image that a rejected text fits best, and better than the row's own. */
  #byText(query: RetrievalQuery, random: Random): Retrieved | null {
    const embeddings = this.#embeddings;
    const own = embeddings?.textSimilarity(query.id, query.id);
    if (embeddings === undefined || own === undefined) return null;
    let best: { row: number; fit: number; similarity: number } | undefined;
    const start = random.integer(0, this.#rows.length - 1);
    for (let step = 0; step < Math.min(this.#rows.length, MOST_CANDIDATES); step++) {
      const number = (start + step) % this.#rows.length;
      const row = this.#rows[number] as IndexedRow;
      const fit = row.image === query.image ? undefined : embeddings.textSimilarity(query.id, row.id);
      if (fit === undefined || fit <= own || (best !== undefined && fit <= best.fit)) continue;
      const similarity = embeddings.imageSimilarity(query.id, row.id) ?? 0;
      if (similarity >= this.#band[0] && similarity <= this.#band[1]) best = { row: number, fit, similarity };
    }
    if (best === undefined) return null;
    const { image, id, annotated } = this.#rows[best.row] as IndexedRow;
    return { image, id, annotated, similarity: best.similarity, fits: false };
  }

  /** Rows that hold the rarest of some facts; all rows where there are none. */
  #rarest(facts: readonly Fact[]): readonly number[] {
    const lists = facts.map((fact) => this.#holders[this.#numbers.get(fact) ?? -1] ?? NOBODY);
    return lists.length === 0
      ? this.#everyRow
      : lists.reduce((rarest, list) => (list.length < rarest.length ? list : rarest));
  }

  #similarity(id: string, own: readonly number[], changed: ReadonlySet<number>, row: IndexedRow): number {
    const cosine = this.#embeddings?.imageSimilarity(id, row.id);
    if (cosine !== undefined) return cosine;
    let [common, others] = [0, 0];
    for (const object of row.objectFacts) {
      if (changed.has(object)) continue;
      others += 1;
      if (own.includes(object)) common += 1;
    }
    const all = own.length + others - common;
    return all === 0 ? 1 : common / all;
  }

  #numberOf(fact: Fact): number {
    let number = this.#numbers.get(fact);
    if (number === undefined) {
      number = this.#names.length;
      this.#numbers.set(fact, number);
      this.#names.push(fact);
      this.#holders.push([]);
    }
    return number;
  }
}

/** Whether a fact of a text has to hold: "a dog" says that one is there, not that no other is. */
function isClaim(fact: Fact): boolean {
  return !/^n:.*:1$/.test(fact);
}
