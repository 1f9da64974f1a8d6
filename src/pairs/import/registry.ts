import { UserError } from "../../errors.js";
import { coco } from "./coco.js";
import type { Importer } from "./importer.js";
import { jsonl } from "./jsonl.js";
import { llamaFactory } from "./llama-factory.js";
import { msSwift } from "./ms-swift.js";
import { mvc } from "./mvc.js";
import { rlaifV } from "./rlaif-v.js";
import { rlhfV } from "./rlhf-v.js";
import { trl } from "./trl.js";
import { vlfeedback } from "./vlfeedback.js";

/** Formats that pairs are imported from. */
export const IMPORTERS: readonly Importer[] = [trl, msSwift, llamaFactory, jsonl, rlhfV, rlaifV, vlfeedback, mvc, coco];

/**
 * Finds a format.
 * @throws UserError that lists the formats when there is none of the name.
 */
export function importerNamed(name: string): Importer {
  const found = IMPORTERS.find((importer) => importer.name === name);
  if (found !== undefined) return found;
  throw new UserError(`--from: found ${name}, expected one of ${IMPORTERS.map((known) => known.name).join(", ")}`);
}
