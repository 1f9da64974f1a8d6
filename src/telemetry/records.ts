import type { PairRecord } from "../generated/scpo/v1/telemetry.js";
import { readJsonl } from "./jsonl.js";

/** The four margins of a pair record. */
export const marginNames = ["textualMargin", "visualMargin", "textualMirrorMargin", "visualMirrorMargin"] as const;

export type MarginName = (typeof marginNames)[number];

/** Means over the records of one step or one stage. */
export interface MarginSummary {
  /** Step or stage. */
  readonly key: number;
  readonly records: number;
  /** Mean margins. */
  readonly means: Readonly<Record<MarginName, number>>;
  /** Shares of records with a margin above 0. */
  readonly accuracies: Readonly<Record<MarginName, number>>;
}

/** Reads `pair-records.jsonl` record by record; a torn last line is dropped. */
export function readPairRecords(path: string): AsyncGenerator<PairRecord, void, undefined> {
  return readJsonl<PairRecord>(path);
}

/**
 * Summarises records by step (a point of a curve) or by stage.
 *
 * @returns One summary a step or stage, in rising order.
 */
export async function summarizeMargins(
  records: AsyncIterable<PairRecord> | Iterable<PairRecord>,
  by: "step" | "stage",
): Promise<MarginSummary[]> {
  const sums = new Map<number, Sums>();
  for await (const record of records) {
    let entry = sums.get(record[by]);
    if (entry === undefined) sums.set(record[by], (entry = new Sums()));
    entry.add(record);
  }
  return [...sums].sort(([a], [b]) => a - b).map(([key, entry]) => entry.summary(key));
}

class Sums {
  #records = 0;
  readonly #totals = zeros();
  readonly #positive = zeros();

  add(record: PairRecord): void {
    this.#records += 1;
    for (const name of marginNames) {
      this.#totals[name] += record[name];
      if (record[name] > 0) this.#positive[name] += 1;
    }
  }

  summary(key: number): MarginSummary {
    return { key, records: this.#records, means: this.#shares(this.#totals), accuracies: this.#shares(this.#positive) };
  }

  #shares(totals: Record<MarginName, number>): Record<MarginName, number> {
    const shares = zeros();
    for (const name of marginNames) shares[name] = totals[name] / this.#records;
    return shares;
  }
}

function zeros(): Record<MarginName, number> {
  return { textualMargin: 0, visualMargin: 0, textualMirrorMargin: 0, visualMirrorMargin: 0 };
}
