import type { HeldOutReport, StepReport } from "../generated/scpo/v1/trainer.js";

/** The report with its maps in the order of their names: a protobuf map comes in any, and sums depend on it. */
export function inOrder(report: StepReport): StepReport {
  const { terms, accuracies, pairs, heldOut } = report;
  return {
    ...report,
    terms: byName(terms),
    accuracies: byName(accuracies),
    pairs: pairs.map(({ pair, margins }) => ({ pair, margins: byName(margins) })),
    heldOut: heldOut && heldOutInOrder(heldOut),
  };
}

function heldOutInOrder(report: HeldOutReport): HeldOutReport {
  const { terms, accuracies, margins } = report;
  return { ...report, terms: byName(terms), accuracies: byName(accuracies), margins: byName(margins) };
}

function byName(values: Record<string, number>): Record<string, number> {
  return Object.fromEntries(Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1)));
}
