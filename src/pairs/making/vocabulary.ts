import { isCounted, isPluralOnly } from "../../english/noun-number.js";
import type { Caption, CaptionReader } from "./caption.js";
import type { MakingRow } from "./making-row.js";
import { Things, type ThingClass } from "./things.js";

/** A word of the set that can stand in for another. */
export interface VocabularyTerm {
  readonly term: string;
  readonly kind: ThingClass;
  /** Rows that hold it. */
  rows: number;
  /** Whether it takes "a" and a plural. */
  counted: boolean;
}

/** Words beyond so many, rarest first, are not used: they are often no objects, or mistakes. */
const MOST_TERMS = 1000;
/** Pairs of words that are counted; when there are more, those seen once are forgotten. */
const MOST_PAIRS = 2_000_000;
/** At this proximity (Wu and Palmer) two things are near. */
const NEAR = 0.75;
/** A companion is there in at least this share of the rows that hold the other, */
const COMPANION_SHARE = 0.05;
/** at least so many times as often as in any row, */
const COMPANION_LIFT = 1.5;
/** in at least so many rows, */
const COMPANION_ROWS = 3;
/** and so many standard deviations more often than by chance. */
const COMPANION_DEVIATIONS = 3;

/** The objects of a set: how many rows hold each, and which come together. */
export class Vocabulary {
  readonly things: Things;
  readonly #annotated = new Map<string, VocabularyTerm>();
  readonly #named = new Map<string, VocabularyTerm>();
  readonly #together = new Map<string, number>();
  readonly #near = new Map<string, readonly VocabularyTerm[]>();
  readonly #companions = new Map<string, readonly VocabularyTerm[]>();
  #rows = 0;
  #annotatedList: readonly VocabularyTerm[] | undefined;
  #namedList: readonly VocabularyTerm[] | undefined;

  /** @param things - What nouns stand for. */
  constructor(things: Things = new Things()) {
    this.things = things;
  }

  /** Counts the objects of a row. */
  add(row: MakingRow, reader: CaptionReader): void {
    this.#rows += 1;
    if (row.objects === null) this.#count(this.#named, [...this.#termsOf(row.caption ?? reader.read(row.chosen))]);
    else
      this.#count(
        this.#annotated,
        row.objects.map((name) => [name, isCounted(name) && !isPluralOnly(name)]),
      );
  }

  /**
   * Words that can stand in for another.
   *
   * @param annotated - Of the annotations, or of the captions.
   * @returns The most frequent ones, most frequent first.
   */
  terms(annotated: boolean): readonly VocabularyTerm[] {
    if (annotated) return (this.#annotatedList ??= mostFrequent(this.#annotated));
    return (this.#namedList ??= mostFrequent(this.#named).filter(({ term }) => this.things.isUsuallyNamed(term)));
  }

  /** Words that are near another in meaning. */
  near(term: string, annotated: boolean): readonly VocabularyTerm[] {
    return remembered(this.#near, `${annotated}|${term}`, () =>
      this.terms(annotated).filter((other) => this.things.proximity(term, other.term) >= NEAR),
    );
  }

  /** Words that often come with another, most often first. */
  companions(term: string, annotated: boolean): readonly VocabularyTerm[] {
    const own = (annotated ? this.#annotated : this.#named).get(term)?.rows ?? 0;
    return remembered(this.#companions, `${annotated}|${term}`, () => {
      const found = this.terms(annotated).flatMap((other): [VocabularyTerm, number][] => {
        const together = this.#together.get(pairKey(term, other.term)) ?? 0;
        const expected = (own * other.rows) / this.#rows;
        const isCompanion =
          together >= Math.max(COMPANION_ROWS, COMPANION_SHARE * own, COMPANION_LIFT * expected) &&
          together >= expected + COMPANION_DEVIATIONS * Math.sqrt(expected);
        return isCompanion ? [[other, together]] : [];
      });
      return found.sort(([, one], [, other]) => other - one).map(([other]) => other);
    });
  }

  *#termsOf(caption: Caption): Generator<[term: string, counted: boolean]> {
    for (const phrase of caption.phrases) {
      if (!phrase.sure || this.things.classOf(phrase.term) === undefined) continue;
      const determiner = phrase.determiner === undefined ? "" : caption.tokens[phrase.determiner]?.lower;
      const counted = phrase.plural || phrase.numeral !== undefined || determiner === "a" || determiner === "an";
      yield [phrase.term, counted && isCounted(phrase.term)];
    }
  }

  #count(terms: Map<string, VocabularyTerm>, found: readonly (readonly [term: string, counted: boolean])[]): void {
    const names = [...new Set(found.map(([term]) => term))];
    for (const term of names) {
      const kind = this.things.classOf(term) ?? "thing";
      const entry = terms.get(term) ?? { term, kind, rows: 0, counted: false };
      entry.rows += 1;
      entry.counted ||= found.some(([name, counted]) => name === term && counted);
      terms.set(term, entry);
    }
    for (const [at, one] of names.entries()) {
      for (const other of names.slice(at + 1)) {
        const key = pairKey(one, other);
        this.#together.set(key, (this.#together.get(key) ?? 0) + 1);
      }
    }
    if (this.#together.size > MOST_PAIRS) {
      for (const [key, count] of this.#together) if (count === 1) this.#together.delete(key);
    }
  }
}

function mostFrequent(terms: ReadonlyMap<string, VocabularyTerm>): readonly VocabularyTerm[] {
  return [...terms.values()]
    .sort((one, other) => other.rows - one.rows || (one.term < other.term ? -1 : 1))
    .slice(0, MOST_TERMS);
}

function pairKey(one: string, other: string): string {
  return one < other ? `${one}|${other}` : `${other}|${one}`;
}

function remembered<T>(known: Map<string, T>, key: string, make: () => T): T {
  let value = known.get(key);
  if (value === undefined) known.set(key, (value = make()));
  return value;
}
