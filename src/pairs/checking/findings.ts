/** An error makes a file unfit to train on; a warning is to be looked at. */
export type Severity = "error" | "warning";

/** One row that shows a finding. */
export interface FindingExample {
  /** Row of the file, from 0. */
  readonly row: number;
  readonly id: string;
  readonly text: string;
}

/** Something about a file that may spoil what is trained on it. */
export interface Finding {
  /** Name of the check. */
  readonly check: string;
  readonly severity: Severity;
  /** Rows that show it; null for a finding about the file as a whole. */
  readonly count: number | null;
  /** What was found, what to do about it. */
  readonly text: string;
  readonly examples: readonly FindingExample[];
}

/** What can be found, row by row: how grave it is and what to do about it. */
export const ROW_CHECKS = {
  texts: ["error", "a text or number of the row is wrong: mend or drop these rows"],
  id: ["error", "the id stands in an earlier row too: make ids differ"],
  picture: ["error", "a picture cannot be decoded: replace it or drop these rows"],
  "same-picture": [
    "error",
    "images and rejected_images are the same file, so that rejected is as false of one as of the other",
  ],
  "contrast-false": [
    "warning",
    "rejected is known to be false of rejected_images (column rejected_true): objectives that learn it as true of them " +
      "refuse such rows; drop them or train on the terms of the other side alone",
  ],
  words: ["error", "chosen_word or rejected_word does not stand in its text: mend the column or the text"],
  "evaluation-leak": ["error", "a picture is in the evaluation set too, or nearly: drop these rows"],
  "small-picture": ["warning", "a picture is very small: a model sees little of it"],
  duplicate: ["warning", "the row repeats an earlier one, pictures and texts: drop these rows"],
  "near-duplicate": ["warning", "images is nearly that of an earlier row: keep one of each, or both on purpose"],
  facts: ["warning", "more than one fact seems to differ between chosen and rejected: a pair should differ in one"],
  "no-word": ["warning", "chosen and rejected have the same words in the same order: what differs is no fact"],
  context: ["warning", "picture and texts need more tokens than the context holds: shorten or drop these rows"],
} as const satisfies Record<string, readonly [Severity, string]>;

/** Name of a check of rows. */
export type RowCheck = keyof typeof ROW_CHECKS;

const shownExamples = 5;

/** Gathers findings; keeps a few examples of each. */
export class Findings {
  readonly #rows = new Map<RowCheck, { count: number; examples: FindingExample[] }>();
  readonly #whole: Finding[] = [];
  readonly #onRow: ((check: RowCheck, example: FindingExample) => void) | undefined;

  /** @param onRow - Hears of every row that shows a finding. */
  constructor(onRow?: (check: RowCheck, example: FindingExample) => void) {
    this.#onRow = onRow;
  }

  /** Notes that a row shows a finding. */
  row(check: RowCheck, example: FindingExample): void {
    this.#onRow?.(check, example);
    const entry = this.#rows.get(check) ?? { count: 0, examples: [] };
    entry.count += 1;
    if (entry.examples.length < shownExamples) entry.examples.push(example);
    this.#rows.set(check, entry);
  }

  /** Notes a finding about the file as a whole. */
  whole(check: string, text: string): void {
    this.#whole.push({ check, severity: "warning", count: null, text, examples: [] });
  }

  /** Errors first, then by number of rows. */
  list(): Finding[] {
    const rows = [...this.#rows].map(([check, { count, examples }]): Finding => {
      const [severity, text] = ROW_CHECKS[check];
      return { check, severity, count, text, examples };
    });
    const rank = ({ severity, count }: Finding) => (severity === "error" ? 1e12 : 0) + (count ?? 0);
    return [...rows, ...this.#whole].sort((a, b) => rank(b) - rank(a));
  }
}
