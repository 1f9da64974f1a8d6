import { refuseOverInputs } from "../files/outputs.js";
import { ownColumns } from "../pairs/own-columns.js";
import { UserError } from "../errors.js";
import { contentKey } from "../pairs/content-key.js";
import { PAIR_COLUMNS } from "../pairs/pair-row.js";
import { openParquet } from "../pairs/parquet-rows.js";
import { type Column, type Row, streamTable, writeTable } from "../pairs/table.js";
import { removeLeftovers } from "../files/write-atomically.js";
import { type Decision, decisionsPathOf, readDecisions } from "./decisions-file.js";

/** A pairs file, what was decided about its pairs, and where the result goes. */
export interface ApplyDecisionsRequest {
  readonly pairs: string;
  /** Pairs file to write. */
  readonly out: string;
  /** @default the file beside `pairs` that `scpo pairs view` writes */
  readonly decisions?: string | undefined;
  /** Leave out pairs about which nothing was decided. @default false */
  readonly onlyAccepted?: boolean;
  /** Pass over decisions whose pair is gone or has changed, instead of refusing. @default false */
  readonly ignoreStale?: boolean;
  readonly signal?: AbortSignal;
  /** Hears how many pairs were read, of how many. */
  readonly onProgress?: (read: number, total: number) => void;
}

/** What applying decisions came to; `read` is `written`, `rejected` and `undecidedLeftOut` together. */
export interface AppliedDecisions {
  readonly read: number;
  readonly written: number;
  readonly rejected: number;
  /** Pairs left out because nothing was decided about them. */
  readonly undecidedLeftOut: number;
  /** Pairs written that were accepted as they are. */
  readonly accepted: number;
  /** Pairs written with the stage that they were given. */
  readonly regraded: number;
  /** Decisions passed over. */
  readonly stale: number;
  /** Columns of the file that are not kept: neither a pairs file's own nor numbers or texts. */
  readonly columnsLeftOut: readonly string[];
}

/**
 * Writes a pairs file again without rejected pairs and with the stages that pairs were given; what nothing was decided
 * about stays. Difficulty and signals are left as they are. The file appears when it is complete; memory holds a row
 * group and the ids.
 *
 * @param request - Files and choices.
 * @returns Counts.
 * @throws UserError for a decision whose pair is gone, stands twice or says or shows something else now, or when no
 *   pair would be left.
 */
export async function applyDecisions(request: ApplyDecisionsRequest): Promise<AppliedDecisions> {
  const { pairs, out, onlyAccepted = false, ignoreStale = false, signal, onProgress } = request;
  const path = request.decisions ?? decisionsPathOf(pairs);
  await refuseOverInputs(
    [{ flag: "out", path: out }],
    [
      { flag: "pairs", path: pairs },
      { flag: "decisions", path },
    ],
  );
  const opened = await openParquet(pairs);
  const decisions = await readDecisions(path);
  if (decisions.size === 0) {
    throw new UserError(`${path}: holds no decision about ${pairs}; make some with scpo pairs view ${pairs}`);
  }
  const own = await ownColumns(pairs);
  const counts = { read: 0, written: 0, rejected: 0, undecidedLeftOut: 0, accepted: 0, regraded: 0 };
  const staleAction = "decide again with scpo pairs view, or pass over such decisions with --ignore-stale";
  const absent = await absentIds(pairs, decisions, signal);
  if (absent.length > 0 && !ignoreStale) {
    const more = absent.length > 1 ? ` (and about ${absent.length - 1} others)` : "";
    throw new UserError(`${path}: decides about "${absent[0]}"${more}, which is not in ${pairs}: ${staleAction}`);
  }
  let stale = absent.length;

  const decisionAbout = (row: Row, id: string): Decision["decision"] => {
    const decision = decisions.get(id);
    if (decision === undefined) return "undecided";
    if (contentKey(contentOf(row)) === decision.fingerprint) return decision.decision;
    if (!ignoreStale) {
      throw new UserError(
        `${pairs}, pair "${id}" (row ${counts.read - 1}): has other texts or pictures than when it was decided about ` +
          `(${path}, ${decision.at}): ${staleAction}`,
      );
    }
    stale += 1;
    return "undecided";
  };

  const columns = [...PAIR_COLUMNS, ...own.kept];
  const rows = async function* (): AsyncGenerator<Row, void, undefined> {
    for await (const row of streamTable(pairs, columns)) {
      signal?.throwIfAborted();
      counts.read += 1;
      onProgress?.(counts.read, opened.count);
      const id = idOf(row, counts.read - 1);
      const verdict = decisionAbout(row, id);
      if (verdict === "reject") counts.rejected += 1;
      else if (verdict === "undecided" && onlyAccepted) counts.undecidedLeftOut += 1;
      else {
        counts.written += 1;
        if (verdict === "accept") counts.accepted += 1;
        if (verdict === "stage") counts.regraded += 1;
        yield verdict === "stage" ? { ...row, stage: decisions.get(id)?.stage ?? null } : row;
      }
    }
    if (counts.read === 0) throw new UserError(`${pairs} holds no pairs; expected at least one row: add pairs`);
    if (counts.written === 0) {
      throw new UserError(`${pairs}: no pair of ${counts.read} would be left, expected one at least: accept some`);
    }
  };
  await removeLeftovers(out);
  await writeTable(out, columns, rows());
  return { ...counts, stale, columnsLeftOut: own.leftOut };
}

/** The id by which a pair is decided about. */
function idOf(row: Row, number: number): string {
  return (row["id"] as string | null) ?? `row-${number}`;
}

function contentOf(row: Row): Parameters<typeof contentKey>[0] {
  return {
    images: row["images"] as readonly Uint8Array[],
    rejectedImages: row["rejected_images"] as readonly Uint8Array[] | null,
    prompt: row["prompt"] as string,
    chosen: row["chosen"] as string,
    rejected: row["rejected"] as string | null,
  };
}

/** Ids that were decided about and that no row has. */
async function absentIds(
  pairs: string,
  decisions: ReadonlyMap<string, Decision>,
  signal: AbortSignal | undefined,
): Promise<string[]> {
  const seen = new Set<string>();
  let number = 0;
  const columns: Column[] = [
    { name: "id", kind: "string", optional: true },
    // A file without ids has rows all the same.
    { name: "prompt", kind: "string" },
  ];
  for await (const row of streamTable(pairs, columns)) {
    signal?.throwIfAborted();
    const id = idOf(row, number);
    if (decisions.has(id) && seen.has(id)) {
      throw new UserError(
        `${pairs}, row ${number}: id "${id}" stands twice, and a decision goes by the id: make ids differ ` +
          "(scpo pairs check lists them)",
      );
    }
    if (decisions.has(id)) seen.add(id);
    number += 1;
  }
  return [...decisions.keys()].filter((id) => !seen.has(id));
}
