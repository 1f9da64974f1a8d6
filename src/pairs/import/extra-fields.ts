import type { ExtraFields } from "../pair-row.js";
import { isEmpty } from "./other-content.js";
import type { RowFields } from "./row-fields.js";

/** Characters of JSON that a field may take. */
const LARGEST_FIELD = 64 * 1024;

/** What an importer did not take of a row. */
export interface Untaken {
  /** Goes along in the column `extra`; null where there is nothing. */
  readonly kept: ExtraFields | null;
  /** Names of fields that hold bytes or too much for that. */
  readonly leftOut: readonly string[];
}

/**
 * Gathers the fields of a row that nobody has taken, so that no field is dropped in silence.
 *
 * @param row - After its pair was made.
 * @param earlier - What its own column `extra` holds.
 */
export function untakenFields(row: RowFields, earlier: ExtraFields | null): Untaken {
  const kept: Record<string, unknown> = { ...earlier };
  const leftOut: string[] = [];
  for (const name of row.untaken) {
    const value = row.peek(name);
    if (isEmpty(value)) continue;
    const plain = plainOf(value);
    if (plain === undefined || JSON.stringify(plain).length > LARGEST_FIELD) leftOut.push(name);
    else kept[name] = plain;
  }
  return { kept: Object.keys(kept).length === 0 ? null : kept, leftOut };
}

/** A value as JSON holds it; undefined for one that has bytes in it. */
function plainOf(value: unknown): unknown {
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (value instanceof Date) return value.toISOString();
  if (ArrayBuffer.isView(value)) return undefined;
  if (Array.isArray(value)) {
    const items = value.map(plainOf);
    return items.includes(undefined) ? undefined : items;
  }
  if (typeof value !== "object" || value === null) return value;
  const fields = Object.entries(value).map(([name, inner]) => [name, plainOf(inner ?? null)] as const);
  return fields.some(([, inner]) => inner === undefined) ? undefined : Object.fromEntries(fields);
}
