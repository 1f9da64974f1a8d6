import { UserError } from "../errors.js";
import { amber, amberDiscriminative, amberGenerative } from "./amber/amber.js";
import { shown } from "../files/rows.js";
import type { Benchmark } from "./benchmark.js";
import { chair } from "./chair/chair.js";
import { hallusionBench } from "./hallusion-bench/hallusion-bench.js";
import { mme } from "./mme/mme.js";
import { mmhal } from "./mmhal/mmhal.js";
import { mmvp } from "./mmvp/mmvp.js";
import { naturalBench } from "./natural-bench/natural-bench.js";
import { objectHalbench } from "./object-halbench/object-halbench.js";
import { pope } from "./pope/pope.js";
import { scenes } from "./scenes/scenes.js";

/** All benchmarks, in the order in which they are listed. */
export const BENCHMARKS: readonly Benchmark[] = [
  chair,
  amberGenerative,
  amberDiscriminative,
  amber,
  pope,
  mme,
  mmhal,
  objectHalbench,
  hallusionBench,
  mmvp,
  naturalBench,
  scenes,
];

/**
 * Finds a benchmark.
 *
 * @param name - As the command line names it, in any case.
 * @throws UserError listing all names when there is none of this one.
 */
export function benchmarkNamed(name: string): Benchmark {
  const found = BENCHMARKS.find((benchmark) => benchmark.name === name.toLowerCase());
  if (found !== undefined) return found;
  throw new UserError(
    `benchmark ${shown(name)} is not known; expected one of ${BENCHMARKS.map((benchmark) => benchmark.name).join(", ")}`,
  );
}
