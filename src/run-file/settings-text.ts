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
  const given = leaves(read.given).map(([field]) => field);
  const sections = new Map<string, string[]>();
  for (const [field, value] of leaves(read.settings)) {
    if (field === "id" || field === "stages" || given.some((other) => `${other}.`.startsWith(`${field}.`))) continue;
    const [section = "", ...rest] = field.split(".");
    const text = rest.length === 0 ? valueText(value) : `${rest.join(".")} ${valueText(value)}`;
    sections.set(section, [...(sections.get(section) ?? []), text]);
  }
  const defaults = [...sections].map(([section, texts]) => `  default ${section}: ${texts.join(", ")}`);
  return [...defaults, ...stages.map((stage, at) => `  stage ${at} ${stageText(stage, at)}`)].join("\n");
}

function stageText({ settings, steps, inherited, changed }: StageInheritance & { steps: number }, at: number): string {
  const own = changed.map(({ field, from, to }) => {
    return from === undefined ? `${field} ${valueText(to)}` : `${field} ${valueText(from)} -> ${valueText(to)}`;
  });
  const parts = [`${settings.name}: ${steps} steps`, `reference at its opening: ${settings.reference}`];
  if (own.length > 0) parts.push(`changed: ${own.join(", ")}`);
  if (at > 0)
    parts.push(`inherited: ${inherited.map(({ field, value }) => `${field} ${valueText(value)}`).join(", ")}`);
  return parts.join("; ");
}

function valueText(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? "none" : value.join(" ");
  return typeof value === "string" ? value : typeof value === "object" ? "none" : JSON.stringify(value);
}
