import { z } from "zod";
import { UserError } from "../errors.js";
import { sqlDouble, sqlName, sqlText } from "../pairs/duckdb.js";
import { type PairTable, ROW } from "./pair-table.js";
import { type Filter, type Sort, VERDICTS } from "./wire.js";

const number = z.number().nullable();

/** What a request may ask for. */
export const FILTER: z.ZodType<Filter> = z.strictObject({
  text: z.string().max(1000),
  kinds: z.array(z.string().nullable()).max(1000),
  stages: z.array(z.int().nullable()).max(1000),
  verdicts: z.array(z.enum(VERDICTS)),
  truths: z.array(z.boolean().nullable()).max(10),
  ranges: z.array(z.strictObject({ column: z.string(), low: number, high: number })).max(1000),
  incomplete: z.boolean(),
});

/** The order that a request may ask for. */
export const SORT: z.ZodType<Sort> = z.strictObject({ column: z.string().nullable(), descending: z.boolean() });

/**
 * A filter as a condition on the tables `pairs` and, for what was decided, `decided`.
 *
 * @throws UserError for a column that is no number of the file.
 */
export function conditionOf(filter: Filter, table: PairTable): string {
  const parts = [
    oneOf("kind", filter.kinds, sqlText),
    oneOf("stage", filter.stages, String),
    oneOf("rejected_true", filter.truths, String),
    oneOf(
      "verdict",
      filter.verdicts.map((verdict) => (verdict === "undecided" ? null : verdict)),
      sqlText,
    ),
  ];
  if (filter.text !== "") {
    const part = sqlText(filter.text.toLowerCase());
    const places = ["id", "prompt", "chosen", "rejected"].map((name) => `contains(lower(${name}), ${part})`);
    parts.push(`(${places.join(" or ")})`);
  }
  for (const { column, low, high } of filter.ranges) {
    const name = numberName(column, table);
    parts.push(`${name} is not null`);
    if (low !== null) parts.push(`${name} >= ${sqlDouble(low)}`);
    if (high !== null) parts.push(`${name} <= ${sqlDouble(high)}`);
  }
  if (filter.incomplete) parts.push(`(rejected is null or ${ROW} in (select row from lacking))`);
  return parts.filter((part) => part !== "").join(" and ") || "true";
}

/** A number column's name as SQL, if the file has it. */
export function numberName(column: string, table: PairTable): string {
  if (table.numbers.some(({ name }) => name === column)) return sqlName(column);
  throw new UserError(`${table.path}: has no numbers in a column "${column}"`);
}

function oneOf<Value>(column: string, values: readonly (Value | null)[], sql: (value: Value) => string): string {
  if (values.length === 0) return "";
  const given = values.filter((value) => value !== null);
  const parts = given.length === 0 ? [] : [`${column} in (${given.map(sql).join(", ")})`];
  if (values.includes(null)) parts.push(`${column} is null`);
  return `(${parts.join(" or ")})`;
}
