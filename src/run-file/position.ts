import { isMap, isScalar, isSeq, type Document, type LineCounter, type Node } from "yaml";

/** Where something stands in a file, both from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** Fields and indices from the outside in. */
export type FieldPath = readonly PropertyKey[];

/** A path as people write it: `stages[0].learning_rate`; empty for the whole. */
export function fieldName(path: FieldPath): string {
  const parts = path.map((part) => (typeof part === "number" ? `[${part}]` : `.${String(part)}`));
  return parts.join("").replace(/^\./, "");
}

/**
 * Finds where a field's value stands, or its name when `key` is asked for; for a field that is not there, the innermost
 * part around it.
 */
export function positionOf(document: Document, lines: LineCounter, path: FieldPath, key = false): Position {
  let node: unknown = document.contents;
  let offset = startOf(node) ?? 0;
  for (const [at, part] of path.entries()) {
    const pair = isMap(node)
      ? node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(part))
      : undefined;
    const value: unknown = isSeq(node) ? node.items[Number(part)] : pair?.value;
    const wanted = key && at === path.length - 1 ? pair?.key : value;
    const start = startOf(wanted) ?? startOf(pair?.key);
    if (start === undefined) break;
    offset = start;
    node = value;
  }
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(line, 1), column: Math.max(col, 1) };
}

function startOf(node: unknown): number | undefined {
  return (node as Node | null | undefined)?.range?.[0];
}
