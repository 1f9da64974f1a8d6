import type { DuckDBConnection } from "@duckdb/node-api";
import { UserError } from "../errors.js";
import { sqlText } from "../pairs/duckdb.js";
import { SIGNAL_COLUMNS } from "../pairs/pair-row.js";
import { Cards } from "./cards.js";
import { DecisionsFile } from "./decisions-file.js";
import { correlationsOf, figuresOf, relationOf } from "./figures.js";
import { type PairTable, readPairTable, ROW } from "./pair-table.js";
import { Images } from "./images.js";
import { Selections } from "./selections.js";
import type {
  Card,
  Correlations,
  DecisionRequest,
  FileFacts,
  Figures,
  Filter,
  NumberColumn,
  Relation,
  Verdict,
} from "./wire.js";

/** A pairs file that is looked at and decided about. */
export class Review {
  readonly table: PairTable;
  readonly decisions: DecisionsFile;
  readonly images: Images;
  readonly cards: Cards;
  readonly selections: Selections;
  readonly #connection: DuckDBConnection;
  readonly #forFigures: DuckDBConnection;
  #last: Promise<unknown> = Promise.resolve();

  private constructor(
    table: PairTable,
    decisions: DecisionsFile,
    images: Images,
    connections: { texts: DuckDBConnection; figures: DuckDBConnection },
  ) {
    this.table = table;
    this.decisions = decisions;
    this.images = images;
    this.cards = new Cards(connections.texts, table, this.images, decisions.decisions);
    this.selections = new Selections(connections.texts, table);
    this.#connection = connections.texts;
    this.#forFigures = connections.figures;
  }

  /**
   * Reads a pairs file and what was decided about it.
   *
   * @param path - The pairs file.
   * @param decisionsPath - The decisions file; need not be there.
   * @param connection - A database of its own.
   * @param connect - Further connections to it: images and figures do not hold up texts.
   * @throws UserError naming the file and what is wrong with it.
   */
  static async open(
    path: string,
    decisionsPath: string,
    connection: DuckDBConnection,
    connect: () => Promise<DuckDBConnection>,
  ): Promise<Review> {
    const table = await readPairTable(connection, path);
    const decisions = await DecisionsFile.open(decisionsPath);
    const images = await Images.open(await connect(), table);
    const review = new Review(table, decisions, images, { texts: connection, figures: await connect() });
    await connection.run("create table decided (row uinteger, verdict varchar)");
    await review.#storeDecisions();
    return review;
  }

  async #storeDecisions(): Promise<void> {
    const decided = [...this.decisions.decisions.values()];
    const ROWS = 5000;
    for (let from = 0; from < decided.length; from += ROWS) {
      const values = decided
        .slice(from, from + ROWS)
        .map(({ id, decision }) => `(${sqlText(id)}, ${sqlText(decision)})`);
      await this.#connection.run(
        `insert into decided select ${ROW}, verdict from (values ${values.join(", ")}) as made(id, verdict)
        join pairs using (id)`,
      );
    }
  }

  /** What the page shows before anything is asked. */
  async facts(): Promise<FileFacts> {
    const { path, rows, kinds, stages, truths, numbers, columns } = this.table;
    const read = await this.#connection.runAndReadAll("select verdict, count(*) from decided group by verdict");
    const counts = new Map(read.getRows().map(([verdict, count]) => [verdict as Verdict, Number(count)]));
    const lacks: string[] = [];
    if (stages.every(({ value }) => value === null)) {
      lacks.push("No pair has a stage: scpo pairs grade or scpo pairs score gives stages.");
    }
    if (!numbers.some(({ name }) => (SIGNAL_COLUMNS as readonly string[]).includes(name))) {
      lacks.push("No pair has a signal: scpo pairs score measures them.");
    }
    if (!columns.has("rejected_images")) {
      lacks.push("The file has no contrast pictures: scpo pairs complete makes them.");
    }
    if (!columns.has("rejected")) lacks.push("The file has no rejected texts: scpo pairs complete makes them.");
    return {
      ...{ path, rows, kinds, stages, truths, numbers, lacks, decisionsPath: this.decisions.path },
      verdicts: {
        accept: counts.get("accept") ?? 0,
        reject: counts.get("reject") ?? 0,
        stage: counts.get("stage") ?? 0,
      },
    };
  }

  /**
   * Takes a decision; it is on the disk when this resolves.
   *
   * @returns The pair as it is now.
   * @throws UserError when the row is not there, its id stands twice, or the file or its decisions changed elsewhere.
   */
  decide(request: DecisionRequest): Promise<Card> {
    const decided = this.#last.then(() => this.#decide(request));
    this.#last = decided.catch(() => undefined);
    return decided;
  }

  async #decide({ row, verdict, stage }: DecisionRequest): Promise<Card> {
    await this.table.requireUnchanged();
    const texts = await this.cards.textsOf(row);
    if (texts === null) throw new UserError(`${this.table.path}: has no row ${row}`);
    if (this.table.repeatedIds.has(texts.id)) {
      throw new UserError(
        `id "${texts.id}" stands twice in ${this.table.path}, and a decision goes by it: make ids differ`,
      );
    }
    if (stage !== null && !this.table.stagesToGive.includes(stage)) {
      throw new UserError(`stage ${stage}: expected one of ${this.table.stagesToGive.join(", ")}`);
    }
    await this.decisions.add({
      id: texts.id,
      decision: verdict,
      ...(stage === null ? {} : { stage }),
      at: new Date().toISOString(),
      fingerprint: await this.cards.fingerprintOf(row, texts),
    });
    await this.#connection.run(`delete from decided where row = ${row}`);
    if (verdict !== "undecided") {
      await this.#connection.run(`insert into decided values (${row}, ${sqlText(verdict)})`);
    }
    const [card] = await this.cards.of([row]);
    return card as Card;
  }

  /** How the pairs that fit are distributed. */
  async figures(filter: Filter): Promise<Figures> {
    if (filter.incomplete) await this.table.findLacking();
    return figuresOf(this.#forFigures, this.table, filter);
  }

  /** How two columns of numbers hang together. */
  async relation(filter: Filter, x: string, y: string): Promise<Relation> {
    if (filter.incomplete) await this.table.findLacking();
    return relationOf(this.#forFigures, this.table, filter, this.#number(x), this.#number(y));
  }

  /** How each two columns of numbers hang together. */
  async correlations(filter: Filter): Promise<Correlations> {
    if (filter.incomplete) await this.table.findLacking();
    return correlationsOf(this.#forFigures, this.table, filter);
  }

  #number(name: string): NumberColumn {
    const column = this.table.numbers.find((each) => each.name === name);
    if (column === undefined) throw new UserError(`${this.table.path}: has no numbers in a column "${name}"`);
    return column;
  }
}
