import { PAIR_COLUMNS, type PairRow } from "../pair-row.js";
import { cellsOf } from "../pair-rows.js";

const PAIR = new Set(["images", "rejected_images", "prompt", "chosen", "rejected"]);

/** The columns beside the pair itself that have a value, for a row of JSON. */
export function carriedFields(row: PairRow): Record<string, unknown> {
  const cells = cellsOf(row);
  const columns = [...PAIR_COLUMNS.map(({ name }) => name), ...Object.keys(row.own ?? {})];
  const names = columns.filter((name) => !PAIR.has(name) && cells[name] !== null);
  return Object.fromEntries(names.map((name) => [name, cells[name]]));
}
