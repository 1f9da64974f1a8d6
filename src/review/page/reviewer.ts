import type { Card, CardDecision, FileFacts, Verdict } from "../wire.js";
import { ask } from "./questions.js";

/** Where a pair stood when it was decided about. */
export interface Place {
  /** Key of the selection. */
  readonly key: string;
  readonly page: number;
  readonly place: number;
}

interface Undoable {
  readonly card: Card;
  readonly before: CardDecision | null;
  readonly at: Place;
}

/** Sends decisions one after the other, counts them, and takes the last one back. */
export class Reviewer {
  #verdicts: FileFacts["verdicts"];
  readonly #decided: (card: Card) => void;
  /** Decisions that were made or taken back since the page was opened, by row. */
  readonly #known = new Map<number, CardDecision | null>();
  readonly #undoable: Undoable[] = [];
  #last: Promise<unknown> = Promise.resolve();

  /**
   * @param verdicts - Decisions in force.
   * @param decided - Hears of each pair that was decided about, as it is now.
   */
  constructor(verdicts: FileFacts["verdicts"], decided: (card: Card) => void) {
    this.#verdicts = verdicts;
    this.#decided = decided;
  }

  /** Decisions in force. */
  get verdicts(): FileFacts["verdicts"] {
    return this.#verdicts;
  }

  /** Decides; resolves when it is saved. */
  decide(card: Card, verdict: Verdict, stage: number | null, at: Place): Promise<void> {
    return this.#queue(async () => {
      const before = this.#decisionOf(card);
      await this.#send(card, verdict, stage);
      this.#undoable.push({ card, before, at });
    });
  }

  /**
   * Takes the last decision back.
   *
   * @returns Where it was made, when that is saved; null: there is none.
   */
  async undo(): Promise<Place | null> {
    let place: Place | null = null;
    await this.#queue(async () => {
      const last = this.#undoable.pop();
      if (last === undefined) return;
      const { card, before, at } = last;
      // What was decided about other texts or images is not said of these.
      if (before === null || before.stale) await this.#send(card, "undecided", null);
      else await this.#send(card, before.verdict, before.stage);
      place = at;
    });
    return place;
  }

  #queue(work: () => Promise<void>): Promise<void> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => undefined);
    return done;
  }

  async #send(card: Card, verdict: Verdict, stage: number | null): Promise<void> {
    const before = this.#decisionOf(card);
    const after = await ask.decide({ row: card.row, verdict, stage });
    this.#known.set(card.row, after.decision);
    const verdicts = { ...this.#verdicts };
    if (before !== null) verdicts[before.verdict] -= 1;
    if (after.decision !== null) verdicts[after.decision.verdict] += 1;
    this.#verdicts = verdicts;
    this.#decided(after);
  }

  #decisionOf(card: Card): CardDecision | null {
    const known = this.#known.get(card.row);
    return known === undefined ? card.decision : known;
  }
}
