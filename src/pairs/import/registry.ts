import { UserError } from "../../errors.js";
import type { Importer } from "./importer.js";
import { jsonl } from "./jsonl.js";
import { trl } from "./trl.js";

/** Formats that pairs are imported from. */
export const IMPORTERS: readonly Importer[] = [jsonl, trl];

/**
 * Finds a format.
 * @throws UserError that lists the formats when there is none of the name.
 */
export function importerNamed(name: string): Importer {
  const found = IMPORTERS.find((importer) => importer.name === name);
  if (found !== undefined) return found;
  throw new UserError(`--from: found ${name}, expected one of ${IMPORTERS.map((known) => known.name).join(", ")}`);
}
