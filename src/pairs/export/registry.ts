import { UserError } from "../../errors.js";
import type { Exporter } from "./exporter.js";
import { llamaFactory } from "./llama-factory.js";
import { msSwift } from "./ms-swift.js";
import { parquet } from "./parquet.js";
import { trl } from "./trl.js";

/** Formats that pairs are exported to. */
export const EXPORTERS: readonly Exporter[] = [trl, msSwift, llamaFactory, parquet];

/**
 * Finds a format.
 * @throws UserError that lists the formats when there is none of the name.
 */
export function exporterNamed(name: string): Exporter {
  const found = EXPORTERS.find((exporter) => exporter.name === name);
  if (found !== undefined) return found;
  throw new UserError(`--to: found ${name}, expected one of ${EXPORTERS.map((known) => known.name).join(", ")}`);
}
