import type { DuckDBConnection } from "@duckdb/node-api";
import { UserError } from "../errors.js";
import { parquetColumns, parquetSource, sqlDouble, sqlName } from "../pairs/duckdb.js";
import { type CheckedGrading, type SignalUse, type SignalUses, weightOf } from "./grading.js";

/** What a file of signals holds of one that counts, over the pairs that can be graded. */
interface SignalExtent {
  readonly present: number;
  readonly least: number;
  readonly most: number;
}

/** What {@link survey} found. */
export interface Survey {
  readonly pairs: number;
  readonly ungraded: number;
  readonly extents: Readonly<Record<string, SignalExtent>>;
}

const NUMBER = /^(U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|FLOAT|DOUBLE|DECIMAL.*)$/;

/**
 * Looks at the signals that count.
 *
 * @param used - Their columns.
 * @param grading - Says which signals a pair needs.
 * @param withoutSignal - What becomes of a pair that has not the signals that it needs.
 * @throws UserError naming file, row and column where a signal cannot be graded.
 */
export async function survey(
  connection: DuckDBConnection,
  path: string,
  used: readonly string[],
  { missing }: Pick<CheckedGrading, "missing">,
  withoutSignal: "refuse" | "leave-out",
): Promise<Survey> {
  await requireNumbers(connection, path, used);
  const gradable = gradableRows(used, missing);
  const values = used.flatMap((name) => {
    const column = `${sqlName(name)}::double`;
    return [
      `min(file_row_number) filter (where not isfinite(${column}))`,
      `count(${column}) filter (where ${gradable})`,
      `min(${column}) filter (where ${gradable})`,
      `max(${column}) filter (where ${gradable})`,
    ];
  });
  const ungradable = `filter (where not (${gradable}))`;
  const read = await connection.runAndReadAll(
    `select count(*), count(*) ${ungradable}, min(file_row_number) ${ungradable}, ${values.join(", ")}
    from ${parquetSource(path)}`,
  );
  const [pairs, ungraded, first, ...rest] = (read.getRows()[0] ?? []).map((value) =>
    value === null ? null : Number(value),
  );
  if (!pairs) throw new UserError(`${path} holds no pairs; expected at least one row: add pairs`);
  for (const [index, name] of used.entries()) {
    const row = rest[4 * index];
    if (typeof row !== "number") continue;
    const found = await connection.runAndReadAll(
      `select ${sqlName(name)}::double from ${parquetSource(path)} where file_row_number = ${row}`,
    );
    throw new UserError(
      `${path}, row ${row}: signal ${name} is ${String(found.getRows()[0]?.[0])}, expected a finite number or no value`,
    );
  }
  const needed = missing === "require" ? "every signal" : "a signal";
  if (ungraded === pairs) {
    throw new UserError(
      `${path}: no pair has ${needed} of ${used.join(", ")}: measure one with scpo pairs score --model FOLDER ` +
        "(embedded for the built-in scenes), or name a column that is there with --use",
    );
  }
  if (withoutSignal === "refuse" && typeof first === "number") {
    const names = used.join(", ");
    const lacks = missing === "require" ? `a signal of ${names} has no value` : `no signal of ${names} has a value`;
    throw new UserError(`${path}, row ${first}: ${lacks}`);
  }
  const extents = used.map((name, index): readonly [string, SignalExtent] => {
    const [present, least, most] = rest.slice(4 * index + 1, 4 * index + 4) as [number, number, number];
    return [name, { present, least, most }];
  });
  return { pairs, ungraded: ungraded as number, extents: Object.fromEntries(extents) };
}

async function requireNumbers(connection: DuckDBConnection, path: string, used: readonly string[]): Promise<void> {
  const columns = await parquetColumns(connection, path);
  for (const name of used) {
    const type = columns.get(name);
    if (type === undefined) {
      throw new UserError(
        `${path}: column "${name}" is missing; add it, with empty cells where it does not apply, or give it weight 0`,
      );
    }
    if (!NUMBER.test(type)) throw new UserError(`${path}: column "${name}" holds ${type}, expected numbers`);
  }
}

function gradableRows(used: readonly string[], missing: CheckedGrading["missing"]): string {
  return used.map((name) => `${sqlName(name)} is not null`).join(missing === "require" ? " and " : " or ");
}

/**
 * Makes the table `graded` of the pairs that can be graded: pair, `difficulty` as {@link difficultySql} reads it, and
 * place (ties by pair, from 0).
 *
 * @param found - Of {@link survey}.
 * @param begin - Hears which signal is being normalised.
 */
export async function makeGraded(
  connection: DuckDBConnection,
  path: string,
  used: readonly string[],
  { uses, normalise, missing }: CheckedGrading,
  found: Survey,
  begin: (phase: string) => void,
): Promise<void> {
  const { extents } = found;
  const columns = used.map((name) => `${sqlName(name)}::double as ${sqlName(name)}`).join(", ");
  let table = `(select file_row_number::uinteger as pair, ${columns} from ${parquetSource(path)}
    where ${gradableRows(used, missing)})`;
  if (normalise === "ranks") {
    for (const name of used) {
      begin(name);
      table = await rank(connection, table, name, (uses[name] as SignalUse).sign, used);
    }
  }
  begin("difficulty");
  const term = (name: string): string => {
    const extent = extents[name] as SignalExtent;
    return normalise === "ranks" ? scaled(sqlName(name), extent.present) : minMax(name, extent, uses);
  };
  // Added one after the other: another order would round otherwise.
  const sum = (what: (name: string) => string): string =>
    used.reduce((before, name) => {
      const always = missing === "middle" && (extents[name] as SignalExtent).present > 0;
      return `(${before} + ${always ? what(name) : `case when ${sqlName(name)} is null then 0::double else ${what(name)} end`})`;
    }, "0::double");
  const terms = sum((name) => `${sqlDouble(weightOf(uses, name))} * coalesce(${term(name)}, 0.5::double)`);
  const weights = sum((name) => sqlDouble(weightOf(uses, name)));
  await connection.run(
    `create table means as select pair, round(${terms} / ${weights} * 1e12)::bigint as mean from ${table}`,
  );
  if (normalise === "ranks") await connection.run(`drop table ${table}`);
  const difficulty = normalise === "ranks" ? "(rank() over equals + count(*) over equals - 2)::uinteger" : "mean";
  await connection.run(
    `create table graded as select pair, ${difficulty} as difficulty, row_number() over (order by mean, pair) - 1 as place
    from means window equals as (order by mean)`,
  );
  await connection.run("drop table means");
}

/** A pair's difficulty, 0 to 1, out of the table `graded`; null for a pair that is not in it. */
export function difficultySql({ normalise }: CheckedGrading, graded: number): string {
  return normalise === "ranks" ? scaled("difficulty", graded) : "(difficulty::double / 1e12::double)";
}

/**
 * Replaces a signal by twice its average rank, counted from 0: the first and the last place of its equals together.
 * A whole number of half the size, so that what spills is small.
 *
 * @returns The new table; the old one is dropped.
 */
async function rank(
  connection: DuckDBConnection,
  table: string,
  name: string,
  sign: SignalUse["sign"],
  used: readonly string[],
): Promise<string> {
  const column = sqlName(name);
  const ranked = sqlName(`ranked by ${name}`);
  const others = used
    .filter((other) => other !== name)
    .map(sqlName)
    .join(", ");
  await connection.run(
    `create table ${ranked} as select pair${others && `, ${others}`},
      case when ${column} is not null then (rank() over places + count(*) over places - 2)::uinteger end as ${column}
    from ${table} window places as (order by ${column} ${sign > 0 ? "asc" : "desc"} nulls last)`,
  );
  if (name !== used[0]) await connection.run(`drop table ${table}`);
  return ranked;
}

function minMax(name: string, { least, most }: SignalExtent, uses: SignalUses): string {
  const range = most - least;
  if (range === Infinity) {
    throw new UserError(`signal ${name}: its values are too far apart for min-max; normalise by ranks`);
  }
  const column = sqlName(name);
  if (range === 0) return `case when ${column} is not null then 0.5::double end`;
  const above =
    (uses[name] as SignalUse).sign > 0 ? `${column} - ${sqlDouble(least)}` : `${sqlDouble(most)} - ${column}`;
  return `((${above}) / ${sqlDouble(range)})`;
}

/** Twice a rank counted from 0, out of `values`, scaled to 0..1; a single value gives 0.5. */
function scaled(doubled: string, values: number): string {
  return values === 1 ? `case when ${doubled} is not null then 0.5::double end` : `(${doubled} / 2 / ${values - 1})`;
}
