import type { DuckDBConnection, Json } from "@duckdb/node-api";
import { changedPieces } from "../pairs/checking/word-difference.js";
import { contentKey } from "../pairs/content-key.js";
import { parquetSource, sqlName } from "../pairs/duckdb.js";
import type { Decision } from "./decisions-file.js";
import { type PairTable, ROW } from "./pair-table.js";
import type { Images } from "./images.js";
import type { Card, CardDecision, PairRecord } from "./wire.js";

/** A pair's texts, as they are decided about. */
export interface PairTexts {
  readonly id: string;
  readonly prompt: string;
  readonly chosen: string;
  readonly rejected: string | null;
}

/** Pairs as the page shows them. */
export class Cards {
  readonly #connection: DuckDBConnection;
  readonly #table: PairTable;
  readonly #images: Images;
  readonly #decisions: ReadonlyMap<string, Decision>;

  constructor(
    connection: DuckDBConnection,
    table: PairTable,
    images: Images,
    decisions: ReadonlyMap<string, Decision>,
  ) {
    this.#connection = connection;
    this.#table = table;
    this.#images = images;
    this.#decisions = decisions;
  }

  /** Cards of rows, in the order of the rows; a row that the file has not is left out. */
  async of(rows: readonly number[]): Promise<Card[]> {
    if (rows.length === 0) return [];
    const read = await this.#connection.runAndReadAll(
      `select ${ROW}, id, prompt, chosen, rejected, kind, detail, stage, difficulty, rejected_true, rejected_true_by from pairs
      where ${ROW} in (${rows.join(", ")})`,
    );
    const cards = new Map<number, Promise<Card>>();
    for (const cells of read.getRows()) {
      const [row, id, prompt, chosen, rejected, kind, detail, stage, difficulty, rejectedTrue, rejectedTrueBy] =
        cells as [
          ...[number, string, string, string],
          ...[string | null, string | null, string | null, number | null, number | null, boolean | null, string | null],
        ];
      const [one, other] =
        rejected === null ? [[{ text: chosen, changed: false }], null] : changedPieces(chosen, rejected);
      const decision = this.#decisionOf(row, { id, prompt, chosen, rejected });
      cards.set(
        row,
        Promise.all([decision, this.#imagesOf(row)]).then(([decided, images]) => ({
          images,
          ...{
            row,
            id,
            prompt,
            chosen: one,
            rejected: other,
            kind,
            detail,
            stage,
            difficulty,
            rejectedTrue,
            rejectedTrueBy,
          },
          stagesToGive: this.#table.stagesToGive,
          decision: decided,
        })),
      );
    }
    return Promise.all(rows.flatMap((row) => cards.get(row) ?? []));
  }

  /** Everything about a pair; null where the file has no such row. */
  async record(row: number): Promise<PairRecord | null> {
    const [card] = await this.of([row]);
    if (card === undefined) return null;
    const names = [...this.#table.columns.keys()].filter((name) => name !== "images" && name !== "rejected_images");
    const read = await this.#connection.runAndReadAll(
      `select ${names.map(sqlName).join(", ")} from ${parquetSource(this.#table.path)} where file_row_number = ${row}`,
    );
    const [cells = []] = read.getRowsJson();
    return { card, columns: names.flatMap((name, at) => holding(name, cells[at] ?? null)) };
  }

  /** A pair's texts; null where the file has no such row. */
  async textsOf(row: number): Promise<PairTexts | null> {
    const read = await this.#connection.runAndReadAll(
      `select id, prompt, chosen, rejected from pairs where ${ROW} = ${row}`,
    );
    const [cells] = read.getRows();
    if (cells === undefined) return null;
    const [id, prompt, chosen, rejected] = cells as [string, string, string, string | null];
    return { id, prompt, chosen, rejected };
  }

  /** What the decisions file calls the pair's content. */
  async fingerprintOf(row: number, texts: PairTexts): Promise<string> {
    const { images, rejectedImages } = await this.#images.of(row);
    return contentKey({ ...texts, images, rejectedImages });
  }

  async #imagesOf(row: number): Promise<number> {
    if (!this.#table.hasSeveralImages) return 1;
    const { images, rejectedImages } = await this.#images.of(row);
    return Math.max(1, images.length, rejectedImages.length);
  }

  async #decisionOf(row: number, texts: PairTexts): Promise<CardDecision | null> {
    const decided = this.#decisions.get(texts.id);
    if (decided === undefined || decided.decision === "undecided") return null;
    const stale = decided.fingerprint !== (await this.fingerprintOf(row, texts));
    return { verdict: decided.decision, stage: decided.stage ?? null, at: decided.at, stale };
  }
}

function holding(name: string, value: Json): PairRecord["columns"] {
  if (value === null || value === "" || (Array.isArray(value) && value.length === 0)) return [];
  return [{ name, value: name === "annotations" && typeof value === "string" ? jsonOf(value) : value }];
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
