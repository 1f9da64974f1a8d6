import type { ReadSettings } from "./read.js";
import { leaves, type StageInheritance } from "./stages.js";

/**
 * What was not said and therefore taken: settings with their defaults, and what each stage took over from the one
 * before or changed.
 *
 * @param read - Settings as given and as understood.
 * @param stages - With their optimiser steps.
 * @returns Lines for people.
 */
export function settingsText(read: ReadSettings, stages: readonly (StageInheritance & { steps: number })[]): string {
  const given = new Set(leaves(read.given).map(([field]) => field));
  const defaults = leaves(read.settings)
    .filter(([field]) => field !== "stages" && !isGiven(field, given))
    .map(([field, value]) => `${field} ${valueText(value)}`);
  const lines = stages.map((stage, at) => `stage ${at} ${stage.settings.name}: ${stageText(stage, at)}`);
  return [...(defaults.length === 0 ? [] : [`default: ${defaults.join(", ")}`]), ...lines].join("\n");
}

function isGiven(field: string, given: ReadonlySet<string>): boolean {
  // An empty mapping that was given has no leaves of its own.
  return given.has(field) || [...given].some((other) => other.startsWith(`${field}.`));
}

function stageText({ settings, steps, inherited, changed }: StageInheritance & { steps: number }, at: number): string {
  const own = changed.map(({ field, from, to }) => {
    return from === undefined ? `${field} ${valueText(to)}` : `${field} ${valueText(from)} -> ${valueText(to)}`;
  });
  const parts = [`${steps} steps`, `opens with reference "${settings.reference}"`];
  if (own.length > 0) parts.push(`changes ${own.join(", ")}`);
  if (at > 0) {
    const kept = inherited.map(({ field, value }) => `${field} ${valueText(value)}`);
    parts.push(`inherits ${kept.join(", ")}`);
  }
  return parts.join("; ");
}

function valueText(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? "none" : value.join(" ");
  return typeof value === "string" ? value : typeof value === "object" ? "none" : JSON.stringify(value);
}
