import type { ImportSettings } from "./importer.js";
import { RowFault } from "./importer.js";
import { describe, type RowFields } from "./row-fields.js";

/** Fields of a row that a pair has no place for, by the names that the formats give them. */
export interface OtherFields {
  readonly system: readonly string[];
  readonly history: readonly string[];
  readonly media: readonly string[];
  /** Says whether the answer is good. */
  readonly label: readonly string[];
  /** Whether 0 in `label` means false too. */
  readonly numbers: boolean;
}

const USUAL: OtherFields = {
  system: ["system", "system_prompt"],
  history: ["history"],
  media: ["videos", "video", "audios", "audio"],
  label: ["label", "kto_tag"],
  numbers: false,
};

/**
 * Refuses a row that says something which its pair would not: an answer marked as bad, which would become `chosen`, earlier
 * turns, videos or sounds, or a system message unless it is left out.
 *
 * @param row - Those of its fields that are there and were named by `--ignore` are gone already.
 * @param others - What a format calls them beside the usual names.
 * @throws RowFault for the first.
 */
export function refuseOtherContent(
  row: RowFields,
  settings: Pick<ImportSettings, "dropSystem">,
  others: Partial<OtherFields> = {},
): void {
  const names = (kind: Exclude<keyof OtherFields, "numbers">): string[] =>
    [...new Set([...USUAL[kind], ...(others[kind] ?? [])])].filter((name) => !isEmpty(row.peek(name)));
  for (const name of names("label")) {
    if (!isFalse(row.value(name), others.numbers ?? USUAL.numbers)) continue;
    throw new RowFault(
      row.path(name),
      `is ${String(row.value(name))}: the answer is marked as bad and cannot be chosen; leave the field out with --ignore ${name} ` +
        "if it means something else",
    );
  }
  for (const name of names("media")) {
    const reason = `holds ${describe(row.value(name))}, and a pair is of pictures; leave it out with --ignore ${name}`;
    throw new RowFault(row.path(name), reason);
  }
  for (const name of names("history")) {
    const reason = `holds ${describe(row.value(name))}, and a pair has one question; leave it out with --ignore ${name}`;
    throw new RowFault(row.path(name), reason);
  }
  for (const name of names("system")) {
    row.value(name);
    if (settings.dropSystem) continue;
    throw new RowFault(row.path(name), "is there, and a pair has no place for it; leave it out with --drop-system");
  }
}

function isFalse(value: unknown, numbers: boolean): boolean {
  if (typeof value === "string") return value.trim().toLowerCase() === "false" || (numbers && value.trim() === "0");
  return value === false || (numbers && (value === 0 || value === 0n));
}

/** Whether a field says nothing: missing, or an empty text, list or object. */
export function isEmpty(value: unknown): boolean {
  if (value === null || value === undefined || value === "") return true;
  if (Array.isArray(value)) return value.every(isEmpty);
  return typeof value === "object" && !(value instanceof Uint8Array) && Object.keys(value).length === 0;
}
