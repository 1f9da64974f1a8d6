import { parquetSchema, type SchemaElement } from "hyparquet";
import { PAIR_COLUMNS } from "./pair-row.js";
import { openParquet } from "./parquet-rows.js";
import type { Column, ColumnKind } from "./table.js";

/**
 * Columns of a user's own in a pairs file: those that are kept when it is written again, and those that are not.
 *
 * @param path - Pairs file.
 */
export async function ownColumns(path: string): Promise<{ kept: Column[]; leftOut: string[] }> {
  const known = new Set(PAIR_COLUMNS.map(({ name }) => name));
  const kept: Column[] = [];
  const leftOut: string[] = [];
  for (const { element, children } of parquetSchema((await openParquet(path)).metadata).children) {
    if (known.has(element.name)) continue;
    const kind = children.length === 0 && element.repetition_type !== "REPEATED" ? kindOf(element) : undefined;
    if (kind === undefined) leftOut.push(element.name);
    else kept.push({ name: element.name, kind, optional: true });
  }
  return { kept, leftOut };
}

const WHOLE = [undefined, "INT_8", "INT_16", "INT_32", "INT_64", "UINT_8", "UINT_16", "UINT_32", "UINT_64"];

function kindOf({ type, converted_type: converted, logical_type: logical }: SchemaElement): ColumnKind | undefined {
  if (type === "BOOLEAN") return "boolean";
  if (type === "BYTE_ARRAY") return converted === "UTF8" || logical?.type === "STRING" ? "string" : undefined;
  if (type === "DOUBLE" || type === "FLOAT") return "double";
  const isWhole = WHOLE.includes(converted) && (logical === undefined || logical.type === "INTEGER");
  if (!isWhole || (type !== "INT32" && type !== "INT64")) return undefined;
  // What exceeds 32 bits with sign is kept as a double, exact up to 2 ** 53.
  return type === "INT32" && converted !== "UINT_32" ? "int32" : "double";
}
