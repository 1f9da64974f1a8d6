/** Where two plans differ. */
export interface PlanDifference {
  /** Path of the field, such as `stages[2].learningRate`. */
  readonly field: string;
  readonly before: string;
  readonly after: string;
}

/** Names and places may change between the lives of a run: hashes tell that the same is meant. */
const free = new Set(["name", "model", "dataset.path"]);

/** The first field in which two recorded plans differ so that they train differently; null when there is none. */
export function differenceOf(before: unknown, after: unknown, field = ""): PlanDifference | null {
  if (free.has(field)) return null;
  if (!isObject(before) || !isObject(after)) {
    if (Object.is(before, after)) return null;
    return { field, before: shown(before), after: shown(after) };
  }
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const inner = Array.isArray(before) ? `${field}[${key}]` : field === "" ? key : `${field}.${key}`;
    const difference = differenceOf(before[key], after[key], inner);
    if (difference !== null) return difference;
  }
  return null;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function shown(value: unknown): string {
  return value === undefined ? "nothing" : JSON.stringify(value);
}
