import { UserError } from "../../errors.js";
import { refuseOverInputs } from "../../files/outputs.js";
import { removeLeftovers, writeAtomically } from "../../files/write-atomically.js";
import { checkPairs } from "../checking/check-pairs.js";
import { readFindings, type RowFinding } from "../checking/findings-file.js";
import { ROW_CHECKS, type RowCheck } from "../checking/findings.js";
import { ownColumns } from "../own-columns.js";
import { PAIR_COLUMNS } from "../pair-row.js";
import { openParquet } from "../parquet-rows.js";
import { type Row, streamTable, writeTable } from "../table.js";
import { rowsWhere } from "./rows-where.js";

/** Which pairs of a file stay. */
export interface FilterRequest {
  readonly pairs: string;
  /** Pairs file to write. */
  readonly out: string;
  /** Findings of `scpo pairs check` whose rows go. */
  readonly dropFindings?: readonly RowCheck[];
  /** Findings of an earlier check; the file is checked now where it is left out. */
  readonly findings?: string | undefined;
  /** Kinds whose rows go; "" means rows without one. */
  readonly dropKinds?: readonly string[];
  /** Origins of any part whose rows go. */
  readonly dropOrigins?: readonly string[];
  /** A condition of DuckDB on the columns; only rows of which it is true stay. */
  readonly where?: string | undefined;
  readonly signal?: AbortSignal;
  /** Hears how many pairs were read, of how many. */
  readonly onProgress?: (read: number, total: number) => void;
}

/** What came of it; `read` is `written` and all of `dropped` together. */
export interface FilteredPairs {
  readonly read: number;
  readonly written: number;
  /** Rows by why they went; one that goes for several reasons counts for the first. */
  readonly dropped: Readonly<Record<string, number>>;
  readonly columnsLeftOut: readonly string[];
}

const ORIGINS = ["images_origin", "chosen_origin", "rejected_images_origin", "rejected_origin"];

/** Where a filtering says what it did. */
export function filterSummaryPath(out: string): string {
  return `${out}.filter.json`;
}

/**
 * Writes a pairs file without some of its pairs. Rows that training would refuse can be read, since they are what is to
 * go; their images are not looked at but by the check.
 *
 * @param request - Files and choices.
 * @throws UserError when nothing says what is to go, a choice does not fit the file, or no pair would be left.
 */
export async function filterPairs(request: FilterRequest): Promise<FilteredPairs> {
  const {
    pairs,
    out,
    dropFindings = [],
    findings,
    dropKinds = [],
    dropOrigins = [],
    where,
    signal,
    onProgress,
  } = request;
  if (dropFindings.length + dropKinds.length + dropOrigins.length === 0 && where === undefined) {
    throw new UserError("says nothing to drop; give --drop-finding, --drop-kind, --drop-origin or --where");
  }
  await refuseOverInputs(
    [{ flag: "out", path: out }],
    [{ flag: "pairs", path: pairs }, ...(findings === undefined ? [] : [{ flag: "findings", path: findings }])],
  );
  for (const path of [out, filterSummaryPath(out)]) await removeLeftovers(path);
  const { count } = await openParquet(pairs);
  const own = await ownColumns(pairs);
  const told = dropFindings.length === 0 ? new Map<number, RowFinding>() : await toldRows(request, dropFindings);
  const kept = where === undefined ? null : await rowsWhere(pairs, out, where, signal);
  const dropped = new Map<string, number>();
  let [read, written] = [0, 0];
  const reasonOf = (row: Row, number: number): string | null => {
    const finding = told.get(number);
    if (finding !== undefined) {
      const id = (row["id"] as string | null) ?? `row-${number}`;
      if (finding.id === id) return `finding ${finding.check}`;
      throw new UserError(
        `${findings ?? pairs}: row ${number} is "${finding.id}" there and "${id}" in ${pairs}; check this file again`,
      );
    }
    if (dropKinds.includes((row["kind"] as string | null) ?? "")) return `kind ${String(row["kind"] ?? "(none)")}`;
    const origin = ORIGINS.map((name) => row[name] as string | null).find(
      (each) => each !== null && dropOrigins.includes(each),
    );
    if (origin) return `origin ${origin}`;
    return kept === null || kept.has(number) ? null : "where";
  };
  const rows = async function* (): AsyncGenerator<Row, void, undefined> {
    for await (const row of streamTable(pairs, [...PAIR_COLUMNS, ...own.kept])) {
      signal?.throwIfAborted();
      const reason = reasonOf(row, read);
      read += 1;
      onProgress?.(read, count);
      if (reason === null) {
        written += 1;
        yield row;
      } else dropped.set(reason, (dropped.get(reason) ?? 0) + 1);
    }
    if (written === 0) throw new UserError(`${pairs}: none of ${read} pairs would be left; drop less`);
  };
  await writeTable(out, [...PAIR_COLUMNS, ...own.kept], rows());
  const summary = { read, written, dropped: Object.fromEntries(dropped), columnsLeftOut: own.leftOut };
  await writeAtomically(filterSummaryPath(out), `${JSON.stringify(summary, null, 2)}\n`);
  return summary;
}

/** The first finding of each row that is to go for one. */
async function toldRows(
  { pairs, findings, signal }: FilterRequest,
  dropFindings: readonly RowCheck[],
): Promise<Map<number, RowFinding>> {
  const found: RowFinding[] = findings === undefined ? [] : await readFindings(findings);
  if (findings === undefined) {
    await checkPairs(pairs, {
      onFinding: (finding) => found.push(finding),
      ...(signal === undefined ? {} : { signal }),
    });
  }
  const told = new Map<number, RowFinding>();
  for (const finding of found) {
    if (dropFindings.includes(finding.check) && !told.has(finding.row)) told.set(finding.row, finding);
  }
  return told;
}

/**
 * Checks by name: `errors`, `warnings` or single ones.
 *
 * @throws UserError for a name that is none.
 */
export function checksNamed(names: readonly string[]): RowCheck[] {
  const all = Object.keys(ROW_CHECKS) as RowCheck[];
  return names.flatMap((name) => {
    if (name === "errors") return all.filter((check) => ROW_CHECKS[check][0] === "error");
    if (name === "warnings") return all.filter((check) => ROW_CHECKS[check][0] === "warning");
    const found = all.find((check) => check === name);
    if (found !== undefined) return [found];
    throw new UserError(`--drop-finding holds "${name}", expected some of errors,warnings,${all.join(",")}`);
  });
}
