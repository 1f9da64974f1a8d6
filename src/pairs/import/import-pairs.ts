import { refuseOverInputs } from "../../files/outputs.js";
import { stat } from "node:fs/promises";
import { basename, dirname, relative } from "node:path";
import { UserError } from "../../errors.js";
import { removeLeftovers, writeAtomically } from "../../files/write-atomically.js";
import { pairFault } from "../pair-faults.js";
import type { PairRow } from "../pair-row.js";
import { writeWithQuarantine } from "../quarantine.js";
import { type Importer, type ImportSettings, type PairDraft, RowFault, type SourcePlace } from "./importer.js";
import { ImageSource } from "./image-source.js";
import { makeFolder } from "../../files/writable.js";

/** What an import is asked to do. */
export interface ImportRequest {
  readonly importer: Importer;
  /** File or folder to read. */
  readonly source: string;
  /** Pairs file to write; the quarantine and the summary stand beside it. */
  readonly out: string;
  readonly settings: ImportSettings;
  readonly signal?: AbortSignal;
  /** Hears how many pairs were read. */
  readonly onProgress?: (read: number) => void;
}

/** What an import came to; `read` is `written` and `quarantined` together. */
export interface ImportSummary {
  readonly format: string;
  /** Pairs that the source holds, whole or not. */
  readonly read: number;
  readonly written: number;
  readonly quarantined: number;
  /** Of those written, how many lack a part that is still to be made. */
  readonly withoutRejected: number;
  readonly withoutRejectedImages: number;
  /** Pairs written whose row had a field that no column holds, by field: it stands in `extra`. */
  readonly extra: Readonly<Record<string, number>>;
  /** As `extra`, of fields that are left out: they hold bytes, or more than 64 KiB. */
  readonly leftOut: Readonly<Record<string, number>>;
  /** Pairs in quarantine by field. */
  readonly faults: Readonly<Record<string, number>>;
}

/** Where an import leaves what it could not read, and its summary. */
export function importFiles(out: string): { quarantine: string; summary: string } {
  return { quarantine: `${out}.quarantine.jsonl`, summary: `${out}.import.json` };
}

/**
 * Imports pairs: writes those that can be read to a pairs file and the others, with place, field and reason, to a
 * quarantine file of JSON lines; running it again ends with the same files.
 *
 * @param request - What to read and where to write.
 * @throws UserError when the source cannot be read at all or no pair of it can be imported.
 */
export async function importPairs(request: ImportRequest): Promise<ImportSummary> {
  const { importer, source, out, settings } = request;
  const files = importFiles(out);
  const isFolder = (await stat(source).catch(() => null))?.isDirectory() === true;
  const folder = isFolder ? source : dirname(source);
  // A second import would read what the first has written.
  if (isFolder && !relative(source, out).startsWith("..")) {
    throw new UserError(`--out: ${out} lies in ${source}, which is read; write elsewhere`);
  }
  await refuseOverInputs(
    [out, files.quarantine, files.summary].map((path) => ({ flag: "out", path })),
    [{ flag: "source", path: source }],
  );
  const imageFiles = await ImageSource.open(settings.imageFolders);
  await makeFolder(dirname(out));
  for (const path of [out, files.quarantine, files.summary]) await removeLeftovers(path);
  const tally = new Tally(importer.name);
  const firstFaults: string[] = [];
  await writeWithQuarantine(out, files.quarantine, [], async function* (refuse) {
    const context = { importer, imageFiles, tally, ids: new UniqueIds(), fileName: fileNames(folder) };
    for await (const { place, found } of importer.read(source, settings)) {
      request.signal?.throwIfAborted();
      request.onProgress?.(tally.read);
      const row = found instanceof RowFault ? found : await rowOf(found, place, context);
      if (!(row instanceof RowFault)) {
        tally.wrote(row, found instanceof RowFault ? [] : (found.leftOut ?? []));
        yield row;
        continue;
      }
      tally.quarantined(row);
      if (firstFaults.length === 0) firstFaults.push(`${placeText(place)}, ${row.field} ${row.reason}`);
      await refuse({ ...entry(place), field: row.field, reason: row.reason });
    }
  });
  if (tally.written === 0) {
    const [first] = firstFaults;
    if (first === undefined) throw new UserError(`${source}: holds no rows, expected at least one`);
    throw new UserError(
      `${source}: none of ${tally.read} pairs can be imported as ${importer.name}; the first: ${first}; ` +
        `all are in ${files.quarantine}`,
    );
  }
  const summary = tally.summary();
  await writeAtomically(files.summary, `${JSON.stringify(summary, null, 2)}\n`);
  return summary;
}

/** A place for a message, for example "rows.jsonl line 3". */
function placeText({ file, unit, number }: SourcePlace): string {
  return `${file} ${unit} ${number}`;
}

function entry({ file, unit, number }: SourcePlace): Record<string, unknown> {
  return { file, [unit]: number };
}

/** Names files by their path below the source. */
function fileNames(folder: string): (path: string) => string {
  const names = new Map<string, string>();
  return (path) => {
    const name = names.get(path) ?? (relative(folder, path) || basename(path));
    names.set(path, name);
    return name;
  };
}

async function rowOf(
  draft: PairDraft,
  place: SourcePlace,
  context: {
    importer: Importer;
    imageFiles: ImageSource;
    tally: Tally;
    ids: UniqueIds;
    fileName: (path: string) => string;
  },
): Promise<PairRow | RowFault> {
  const { importer, imageFiles, tally, ids, fileName } = context;
  try {
    const { images: cell, rejectedImages: rejectedCell } = draft;
    const images = await imageFiles.fetch(cell);
    const rejectedImages = rejectedCell ? await imageFiles.fetch(rejectedCell) : null;
    if (rejectedImages !== null && rejectedImages.length !== images.length) {
      const found = `holds ${rejectedImages.length} pictures, expected ${images.length}, as ${cell.field} has`;
      return new RowFault(rejectedCell?.field ?? "rejected_images", found);
    }
    const rejected = draft.rejected ?? null;
    const row: PairRow = {
      id: draft.id ?? `${importer.name}-${tally.read}`,
      images,
      rejectedImages,
      prompt: draft.prompt.trim(),
      chosen: draft.chosen,
      rejected,
      kind: draft.kind ?? null,
      detail: draft.detail ?? null,
      chosenWord: draft.chosenWord ?? null,
      rejectedWord: draft.rejectedWord ?? null,
      objects: draft.objects ?? null,
      rejectedObjects: draft.rejectedObjects ?? null,
      captions: draft.captions ?? null,
      annotations: draft.annotations ?? null,
      imagesOrigin: draft.imagesOrigin ?? importer.name,
      chosenOrigin: draft.chosenOrigin ?? importer.name,
      rejectedImagesOrigin: draft.rejectedImagesOrigin ?? (rejectedImages === null ? null : importer.name),
      rejectedOrigin: draft.rejectedOrigin ?? (rejected === null ? null : importer.name),
      source: draft.source ?? `${fileName(place.file)} ${place.unit} ${place.number}`,
      rejectedTrue: draft.rejectedTrue ?? null,
      rejectedTrueBy: draft.rejectedTrueBy ?? null,
      extra: draft.extra ?? null,
      signals: draft.signals ?? {},
      difficulty: draft.difficulty ?? null,
      stage: draft.stage ?? null,
    };
    const fault = pairFault(row);
    if (fault !== null) return new RowFault(fault.field, `${fault.found}, ${fault.expected.replace(/:.*/, "")}`);
    return { ...row, id: ids.unique(row.id) };
  } catch (error) {
    if (error instanceof RowFault) return error;
    throw error;
  }
}

/** Keeps ids apart: the second pair with an id gets `#2` behind it. */
class UniqueIds {
  readonly #seen = new Set<string>();

  unique(id: string): string {
    let free = id;
    for (let copy = 2; this.#seen.has(free); copy++) free = `${id}#${copy}`;
    this.#seen.add(free);
    return free;
  }
}

class Tally {
  readonly #format: string;
  readonly #faults = new Map<string, number>();
  readonly #extra = new Map<string, number>();
  readonly #leftOut = new Map<string, number>();
  read = 0;
  written = 0;
  #withoutRejected = 0;
  #withoutRejectedImages = 0;

  constructor(format: string) {
    this.#format = format;
  }

  wrote(row: PairRow, leftOut: readonly string[]): void {
    this.read += 1;
    this.written += 1;
    for (const name of Object.keys(row.extra ?? {})) add(this.#extra, name);
    for (const name of leftOut) add(this.#leftOut, name);
    if (row.rejected === null) this.#withoutRejected += 1;
    if (row.rejectedImages === null) this.#withoutRejectedImages += 1;
  }

  quarantined({ field }: RowFault): void {
    this.read += 1;
    add(this.#faults, field.replace(/\[\d+\]/g, "[]"));
  }

  summary(): ImportSummary {
    return {
      format: this.#format,
      read: this.read,
      written: this.written,
      quarantined: this.read - this.written,
      withoutRejected: this.#withoutRejected,
      withoutRejectedImages: this.#withoutRejectedImages,
      extra: Object.fromEntries(this.#extra),
      leftOut: Object.fromEntries(this.#leftOut),
      faults: Object.fromEntries(this.#faults),
    };
  }
}

function add(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}
