import { createHash } from "node:crypto";
import type { DuckDBConnection } from "@duckdb/node-api";
import { conditionOf, numberName } from "./filter.js";
import { type PairTable, ROW } from "./pair-table.js";
import type { Filter, Selection, Sort } from "./wire.js";

/** Lists that are kept; a page that asks for an older one selects again. */
const KEPT = 16;

/** The table of pairs with what was decided about them. */
export const PAIRS_AND_DECISIONS = `pairs left join decided on decided.row = pairs.${ROW}`;

/**
 * Rows of the pairs that fit a filter, in order. They are kept, 4 bytes a pair, so that a page far down costs no more
 * than the first and a pair does not leave the page when it is decided about.
 */
export class Selections {
  readonly #connection: DuckDBConnection;
  readonly #table: PairTable;
  readonly #kept = new Map<string, Uint32Array>();

  constructor(connection: DuckDBConnection, table: PairTable) {
    this.#connection = connection;
    this.#table = table;
  }

  /** Selects pairs as they are decided about now. */
  async select(filter: Filter, sort: Sort): Promise<Selection> {
    const direction = sort.descending ? "desc" : "asc";
    const order = sort.column === null ? "" : `${numberName(sort.column, this.#table)} ${direction} nulls last, `;
    if (filter.incomplete) await this.#table.findLacking();
    const read = await this.#connection.runAndReadAll(
      `select ${ROW} from ${PAIRS_AND_DECISIONS} where ${conditionOf(filter, this.#table)}
      order by ${order}${ROW} ${sort.column === null ? direction : "asc"}`,
    );
    const rows = Uint32Array.from((read.getColumns()[0] ?? []) as number[]);
    const key = createHash("sha256").update(rows).digest("base64url").slice(0, 22);
    this.#kept.delete(key);
    this.#kept.set(key, rows);
    for (const oldest of this.#kept.keys()) if (this.#kept.size > KEPT) this.#kept.delete(oldest);
    return { key, count: rows.length };
  }

  /** Rows of a selection from a place on; null where it is no longer kept. */
  rows(key: string, from: number, count: number): number[] | null {
    const rows = this.#kept.get(key);
    return rows === undefined ? null : Array.from(rows.subarray(from, from + count));
  }
}
