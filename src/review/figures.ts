import type { DuckDBConnection } from "@duckdb/node-api";
import { sqlDouble, sqlName } from "../pairs/duckdb.js";
import { conditionOf } from "./filter.js";
import { numbersOf, type PairTable } from "./pair-table.js";
import { PAIRS_AND_DECISIONS } from "./selections.js";
import type { Correlations, Figures, Filter, Histogram, NumberColumn, Relation } from "./wire.js";

const HISTOGRAM_BINS = 30;
const RELATION_BINS = 24;

/** How the pairs that fit a filter are distributed. */
export async function figuresOf(connection: DuckDBConnection, table: PairTable, filter: Filter): Promise<Figures> {
  const shown = `${PAIRS_AND_DECISIONS} where ${conditionOf(filter, table)}`;
  const cells = await connection.runAndReadAll(
    `select kind, stage, count(*) from ${shown} group by all order by kind nulls last, stage nulls last`,
  );
  const counted = cells.getRows().map(([kind, stage, count]) => ({
    kind: kind as string | null,
    stage: stage as number | null,
    count: Number(count),
  }));
  const count = counted.reduce((sum, cell) => sum + cell.count, 0);
  const histograms: Histogram[] = [];
  for (const column of table.numbers) {
    const bins = await binCounts(connection, shown, column);
    const all = count === table.rows ? bins : await binCounts(connection, "pairs", column);
    const present = bins.reduce((sum, pairs) => sum + pairs, 0);
    const { name, low, high } = column;
    histograms.push({ name, low, high, bins, all, missing: count - present });
  }
  return { count, cells: counted, histograms };
}

async function binCounts(connection: DuckDBConnection, shown: string, column: NumberColumn): Promise<number[]> {
  const bins = new Array<number>(HISTOGRAM_BINS).fill(0);
  const read = await connection.runAndReadAll(
    `select ${binOf(column, HISTOGRAM_BINS)} as bin, count(*) from (select ${sqlName(column.name)} from ${shown})
    where ${sqlName(column.name)} is not null group by bin`,
  );
  for (const [bin, pairs] of read.getRows()) bins[Number(bin)] = Number(pairs);
  return bins;
}

/** The bin of a value as SQL; the greatest value belongs to the last. */
function binOf({ name, low, high }: NumberColumn, bins: number): string {
  if (low === high) return "0";
  // Halves, since the difference of two doubles can exceed what a double holds.
  const share = `(${sqlName(name)} / 2 - ${sqlDouble(low / 2)}) / ${sqlDouble(high / 2 - low / 2)}`;
  return `least(floor(${share} * ${bins}), ${bins - 1})::integer`;
}

/** How two columns of numbers hang together. */
export async function relationOf(
  connection: DuckDBConnection,
  table: PairTable,
  filter: Filter,
  x: NumberColumn,
  y: NumberColumn,
): Promise<Relation> {
  const both = bothOf(table, filter, x.name, y.name);
  const read = await connection.runAndReadAll(
    `select ${binOf({ ...x, name: "x" }, RELATION_BINS)} as along_x, ${binOf({ ...y, name: "y" }, RELATION_BINS)} as along_y,
      count(*) from ${both} group by along_x, along_y order by along_x, along_y`,
  );
  const cells = read
    .getRows()
    .map(([alongX, alongY, pairs]) => [Number(alongX), Number(alongY), Number(pairs)] as const);
  const pairs = cells.reduce((sum, [, , count]) => sum + count, 0);
  return { x, y, bins: RELATION_BINS, cells, pairs, correlation: await rankCorrelation(connection, both) };
}

/** Rank correlation of each two columns of numbers. */
export async function correlationsOf(
  connection: DuckDBConnection,
  table: PairTable,
  filter: Filter,
): Promise<Correlations> {
  const names = table.numbers.map(({ name }) => name);
  const shown = `${PAIRS_AND_DECISIONS} where ${conditionOf(filter, table)}`;
  const [pairs, ...present] = await numbersOf(
    connection,
    `select count(*), ${names.map((name) => `count(${sqlName(name)})`).join(", ")} from ${shown}`,
  );
  // Columns without gaps are ranked once for all their correlations.
  const whole = names.filter((_, at) => present[at] === pairs);
  const known = await correlationsOfWhole(connection, shown, whole);
  const values: (number | null)[][] = names.map(() => []);
  for (const [at, one] of names.entries()) {
    for (const [place, other] of names.slice(0, at + 1).entries()) {
      const [first, second] = [whole.indexOf(one), whole.indexOf(other)];
      const value =
        first >= 0 && second >= 0
          ? (known[first]?.[second] ?? null)
          : await rankCorrelation(connection, bothOf(table, filter, one, other));
      (values[at] as (number | null)[])[place] = value;
      (values[place] as (number | null)[])[at] = value;
    }
  }
  return { names, values };
}

async function correlationsOfWhole(
  connection: DuckDBConnection,
  shown: string,
  names: readonly string[],
): Promise<(number | null)[][]> {
  if (names.length === 0) return [];
  const ranks = names.map((name, at) => `${averageRank(sqlName(name))} as c${at}`);
  const each = names.flatMap((_, at) => names.slice(0, at + 1).map((_, place) => correlation(`c${at}`, `c${place}`)));
  const read = await connection.runAndReadAll(
    `select ${each.join(", ")} from (select ${ranks.join(", ")} from ${shown})`,
  );
  const values = (read.getRows()[0] ?? []).map(correlationFrom);
  return names.map((_, at) =>
    names.map((_, place) => {
      const [high, low] = [Math.max(at, place), Math.min(at, place)];
      return values[(high * (high + 1)) / 2 + low] ?? null;
    }),
  );
}

function bothOf(table: PairTable, filter: Filter, x: string, y: string): string {
  const [first, second] = [sqlName(x), sqlName(y)];
  return `(select ${first} as x, ${second} as y from ${PAIRS_AND_DECISIONS} where ${conditionOf(filter, table)}
    and ${first} is not null and ${second} is not null)`;
}

/** Spearman's: Pearson's of average ranks; null for less than two pairs, or where all have one value. */
async function rankCorrelation(connection: DuckDBConnection, both: string): Promise<number | null> {
  const read = await connection.runAndReadAll(
    `select ${correlation("x", "y")} from (select ${averageRank("x")} as x, ${averageRank("y")} as y from ${both})`,
  );
  return correlationFrom(read.getRows()[0]?.[0]);
}

function averageRank(column: string): string {
  return `rank() over (order by ${column}) + (count(*) over (partition by ${column}) - 1) / 2`;
}

function correlation(x: string, y: string): string {
  return `case when stddev_pop(${x}) > 0 and stddev_pop(${y}) > 0 then corr(${x}, ${y}) end`;
}

function correlationFrom(value: unknown): number | null {
  // Rounding can lead out of the range by a last digit.
  return typeof value === "number" && Number.isFinite(value) ? Math.min(1, Math.max(-1, value)) : null;
}
