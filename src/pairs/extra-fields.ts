import type { ExtraFields } from "./pair-row.js";

/**
 * Reads what a cell of the column `extra` says.
 *
 * @param value - JSON text, or the object that it stands for.
 * @returns The fields, or what is wrong with them.
 */
export function extraFieldsOf(value: unknown): ExtraFields | string {
  let content = value;
  if (typeof value === "string") {
    try {
      content = JSON.parse(value);
    } catch {
      return "is not JSON, expected an object of fields";
    }
  }
  if (typeof content === "object" && content !== null && !Array.isArray(content)) return content as ExtraFields;
  return "holds no object, expected an object of fields";
}
