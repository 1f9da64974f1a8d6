import type { PairRow } from "../pair-row.js";
import { cellsOf } from "../pair-rows.js";

const PAIR = new Set(["images", "rejected_images", "prompt", "chosen", "rejected"]);

/** The columns beside the pair itself that have a value, for a row of JSON. */
export function carriedFields(row: PairRow): Record<string, unknown> {
  return Object.fromEntries(Object.entries(cellsOf(row)).filter(([name, cell]) => cell !== null && !PAIR.has(name)));
}
