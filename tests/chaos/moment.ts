import type { Random } from "../../src/numbers/random.js";

/** Parts of a run's life in which something is under way that a death cuts off. */
export const phases = ["boot", "table", "steps", "saving", "model", "boundary", "end"] as const;
export const targets = ["director", "trainer", "both"] as const;

export type Phase = (typeof phases)[number];
export type Target = (typeof targets)[number];

/** When to kill, and whom. */
export interface Moment {
  readonly target: Target;
  readonly phase: Phase;
  /** The how-manieth occurrence of what marks the phase, from 1. */
  readonly occurrence: number;
  /** Milliseconds after the mark. */
  readonly delay: number;
}

/**
 * What marks a phase, how often it comes in the runs of `chaos-scenarios.ts`, and the longest delay after it. A mark
 * that starts with "+" is a folder that appears among the checkpoints, another one is an event that the director tells of.
 */
export const marks: Record<Phase, { mark: RegExp; occurrences: number; delay: number }> = {
  boot: { mark: /^spawned$/, occurrences: 1, delay: 9000 },
  table: { mark: /^table$/, occurrences: 30, delay: 10 },
  steps: { mark: /^step$/, occurrences: 24, delay: 100 },
  saving: { mark: /^\+\.step-\d+\.writing$/, occurrences: 10, delay: 150 },
  model: { mark: /^\+\.stage-\d+\..*\.writing$/, occurrences: 3, delay: 60 },
  boundary: { mark: /^(stage-closed|stage-opened)$/, occurrences: 6, delay: 40 },
  end: { mark: /^(stage-closed|ended)$/, occurrences: 4, delay: 40 },
};

/** A random moment of a phase. */
export function momentOf(random: Random, phase: Phase, target: Target): Moment {
  const { occurrences, delay } = marks[phase];
  const occurrence = phase === "end" ? random.integer(3, occurrences) : random.integer(1, occurrences);
  return { target, phase, occurrence, delay: random.integer(0, delay) };
}
