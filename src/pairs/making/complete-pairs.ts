import { UserError } from "../../errors.js";
import { refuseOverInputs } from "../../files/outputs.js";
import { removeLeftovers, writeAtomically } from "../../files/write-atomically.js";
import { ownColumns } from "../own-columns.js";
import type { PairRow } from "../pair-row.js";
import { streamPairRows } from "../pair-rows.js";
import { writeWithQuarantine } from "../quarantine.js";
import type { TextContrast, TextContrastKind } from "./contrast-text.js";
import type { Embeddings } from "./embeddings.js";
import { factsOfRow } from "./facts.js";
import { makeImage, type ImageEditors, type ImageWay } from "./make-image.js";
import { openContext, RejectedTextMaker } from "./make-rejected.js";
import { ImageStore } from "./image-store.js";
import { RetrievalIndex } from "./retrieval.js";
import type { MakingRow } from "./making-row.js";
import type { Annotated } from "./image-truth.js";
import { knowledgeOf } from "./row-knowledge.js";
import type { TextWriter } from "./text-writer.js";

/** What is to be made. */
export interface CompleteRequest {
  /** Pairs file whose rows may lack their rejected half. */
  readonly source: string;
  /** Pairs file to write; the quarantine and the summary stand beside it. */
  readonly out: string;
  readonly seed: number;
  /** Kinds of facts that are replaced; all when left out. */
  readonly kinds?: readonly TextContrastKind[] | undefined;
  /** Writes the texts in place of the rules. */
  readonly writer?: TextWriter | undefined;
  /** Ways of making contrast images, in the order in which they are tried; none leaves them to be made. */
  readonly ways: readonly ImageWay[];
  /** Least and greatest similarity of a retrieved image. */
  readonly band: readonly [least: number, most: number];
  readonly embeddings?: Embeddings | undefined;
  /** What edits images; needed for the ways `command` and `endpoint`. */
  readonly editors?: ImageEditors | undefined;
  /** Rows under way at a time. */
  readonly concurrency?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((phase: "read" | "made", done: number) => void) | undefined;
}

/** Contrast images that were made: how many, and of how many the rejected text is known to be true, or to be false. */
interface ImageCounts {
  made: number;
  true: number;
  false: number;
}

/** What came of it; `read` is `written` and `quarantined` together. */
export interface CompleteSummary {
  readonly read: number;
  readonly written: number;
  readonly quarantined: number;
  /** Rows that lacked nothing. */
  readonly complete: number;
  /** Rejected texts that were made, by kind and detail. */
  readonly texts: Readonly<Record<string, number>>;
  /** Contrast images that were made, by origin, and retrieved ones by kind too: `retrieval/count`. */
  readonly pictures: Readonly<Record<string, ImageCounts>>;
  /** Rows in quarantine by reason. */
  readonly reasons: Readonly<Record<string, number>>;
  /** Columns of the user's own that are not kept, such as lists. */
  readonly columnsLeftOut: readonly string[];
}

/** Where the rows go that cannot be completed, and the summary. */
export function completeFiles(out: string): { quarantine: string; summary: string } {
  return { quarantine: `${out}.quarantine.jsonl`, summary: `${out}.complete.json` };
}

/**
 * Makes what pairs lack: rejected texts by replacing one fact, contrast images in the ways asked for. The same request
 * ends with the same files, also after an interruption.
 *
 * @param request - What to read, make and write.
 * @throws UserError when the source cannot be read, or no row of it can be completed.
 */
export async function completePairs(request: CompleteRequest): Promise<CompleteSummary> {
  const { source, out, signal } = request;
  const files = completeFiles(out);
  await refuseOverInputs(
    [out, files.quarantine, files.summary].map((path) => ({ flag: "out", path })),
    [{ flag: "source", path: source }],
  );
  for (const path of [out, files.quarantine, files.summary]) await removeLeftovers(path);
  const store = await ImageStore.open(out);
  try {
    const maker = new Completion(request, store);
    let read = 0;
    for await (const row of streamPairRows(source)) {
      signal?.throwIfAborted();
      await maker.learn(row);
      request.onProgress?.("read", ++read);
    }
    const tally = new Tally();
    const own = await ownColumns(source);
    await writeWithQuarantine(out, files.quarantine, own.kept, async function* (refuse) {
      const made = inOrder(streamPairRows(source, own.kept), request.concurrency ?? 4, (row) => maker.complete(row));
      for await (const { row, text, origin, fault } of made) {
        signal?.throwIfAborted();
        tally.count(row, { text, origin, fault });
        request.onProgress?.("made", tally.read);
        if (fault === undefined) yield row;
        else await refuse({ row: tally.read - 1, id: row.id, ...fault });
      }
    });
    const summary = { ...tally.summary(), columnsLeftOut: own.leftOut };
    if (summary.written === 0) {
      const [reason] = Object.entries(summary.reasons).sort(([, one], [, other]) => other - one)[0] ?? [];
      throw new UserError(
        `${source}: none of ${summary.read} pairs can be completed (${reason}); see ${files.quarantine}`,
      );
    }
    await writeAtomically(files.summary, `${JSON.stringify(summary, null, 2)}\n`);
    return summary;
  } finally {
    await store.close();
  }

  // A row is under way as soon as those before it are.
  async function* inOrder<T, R>(
    items: AsyncIterable<T>,
    most: number,
    work: (item: T) => Promise<R>,
  ): AsyncGenerator<R> {
    const running: Promise<R>[] = [];
    for await (const item of items) {
      const next = work(item);
      // Its failure is taken when its turn comes.
      next.catch(() => undefined);
      running.push(next);
      if (running.length >= Math.max(1, most)) yield await (running.shift() as Promise<R>);
    }
    for (const next of running) yield await next;
  }
}

interface Fault {
  readonly field: "rejected" | "rejected_images";
  readonly reason: string;
}

interface Completed {
  readonly row: PairRow;
  readonly text?: TextContrast | undefined;
  readonly origin?: ImageWay | undefined;
  /** Whether the contrast image is known to have all facts that were read in the rejected text. */
  readonly fits?: boolean;
  readonly fault?: Fault | undefined;
}

/** Knows the whole set, and completes its rows. */
class Completion {
  readonly #request: CompleteRequest;
  readonly #store: ImageStore;
  readonly #context = openContext();
  readonly #texts: RejectedTextMaker;
  readonly #index: RetrievalIndex;
  readonly #names = new Set<string>();

  constructor(request: CompleteRequest, store: ImageStore) {
    const { kinds, seed, band, embeddings } = request;
    this.#request = request;
    this.#store = store;
    this.#texts = new RejectedTextMaker({ seed, context: this.#context, ...(kinds === undefined ? {} : { kinds }) });
    this.#index = new RetrievalIndex({ band, embeddings });
  }

  async learn(row: PairRow): Promise<void> {
    const known = knowledgeOf(row, this.#context.reader.morphy);
    this.#texts.learn(known);
    for (const name of known.objects ?? []) this.#names.add(name);
    if (!this.#request.ways.includes("retrieval")) return;
    if (row.images.length > 1) return;
    const image = await this.#store.add(row.images[0] as Uint8Array);
    this.#index.add({ id: row.id, image, facts: factsOfRow(known, this.#context), annotated: annotatedOf(known) });
  }

  async complete(row: PairRow): Promise<Completed> {
    if (row.rejected === null && row.rejectedImages !== null) {
      const reason = "is missing beside a contrast picture, of which no made text would be known to say anything";
      return { row, fault: { field: "rejected", reason } };
    }
    if (row.rejectedImages === null && row.images.length > 1 && this.#request.ways.length > 0) {
      const reason = `cannot be made beside ${row.images.length} pictures, of which nobody says which the texts differ in`;
      return { row, fault: { field: "rejected_images", reason } };
    }
    const known = knowledgeOf(row, this.#context.reader.morphy);
    const texts = row.rejected === null ? await this.#textsFor(known) : [undefined];
    if (typeof texts === "string") return { row, fault: { field: "rejected", reason: texts } };
    const rows = texts.map((text) => (text === undefined ? row : this.#withText(row, text)));
    const { ways } = this.#request;
    if (row.rejectedImages !== null || ways.length === 0) return { row: rows[0] as PairRow, text: texts[0] };
    let reason = "";
    for (const way of ways) {
      let best: Completed | undefined;
      for (const [at, candidate] of rows.entries()) {
        const made = await this.#withImage(candidate, known, way);
        if (typeof made === "string") {
          reason = made;
          continue;
        }
        const found = { ...made, text: texts[at] };
        if (way !== "retrieval" || made.row.rejectedTrue === true) return found;
        if (best === undefined || rank(found) > rank(best)) best = found;
      }
      if (best !== undefined) return best;
    }
    return { row, fault: { field: "rejected_images", reason } };
  }

  /** Texts for a row, best first; a contrast image may be found for one where there is none for another. */
  async #textsFor(known: MakingRow): Promise<readonly TextContrast[] | string> {
    const { writer, seed, ways } = this.#request;
    if (writer !== undefined) {
      const written = await writer.write(known, this.#context, seed);
      return typeof written === "string" ? written : [written];
    }
    const texts: TextContrast[] = [];
    for (const text of this.#texts.proposals(known)) {
      texts.push(text);
      if (!ways.includes("retrieval")) break;
    }
    return texts.length > 0 ? texts : "no fact of the chosen text can be replaced safely";
  }

  #withText(row: PairRow, { rejected, kind, detail, chosenWord, rejectedWord }: TextContrast): PairRow {
    const rejectedOrigin = this.#request.writer === undefined ? "rules" : "endpoint";
    return { ...row, rejected, kind, detail, chosenWord, rejectedWord, rejectedOrigin };
  }

  async #withImage(row: PairRow, known: MakingRow, way: ImageWay): Promise<Completed | string> {
    const { seed, editors = {} } = this.#request;
    const tools = { context: this.#context, seed, index: this.#index, store: this.#store, names: this.#names, editors };
    const made = await makeImage({ ...row, rejected: row.rejected as string }, known, way, tools);
    if (typeof made === "string") return made;
    const { image, origin, objects, rejectedTrue, rejectedTrueBy, fits } = made;
    const half = { rejectedImages: [image], rejectedImagesOrigin: origin, rejectedObjects: objects };
    return { row: { ...row, ...half, rejectedTrue, rejectedTrueBy }, origin, fits };
  }
}

/** How good a retrieved image is of which the text is not known to be true. */
function rank({ row, fits }: Completed): number {
  return (row.rejectedTrue === false ? 0 : 2) + (fits === true ? 1 : 0);
}

/** What a row's annotations say, which is kept for every row. */
function annotatedOf({ objects, counts, attributes }: MakingRow): Annotated {
  return { objects, counts, attributes };
}

class Tally {
  read = 0;
  written = 0;
  #complete = 0;
  readonly #texts = new Map<string, number>();
  readonly #images = new Map<string, ImageCounts>();
  readonly #reasons = new Map<string, number>();

  count(row: PairRow, { text, origin, fault }: Omit<Completed, "row">): void {
    this.read += 1;
    if (fault !== undefined) {
      add(this.#reasons, `${fault.field}: ${fault.reason}`);
      return;
    }
    this.written += 1;
    if (text === undefined && origin === undefined) this.#complete += 1;
    if (text !== undefined) add(this.#texts, `${text.kind}/${text.detail}`);
    if (origin === undefined) return;
    for (const name of origin === "retrieval" ? [origin, `${origin}/${row.kind ?? "unknown"}`] : [origin]) {
      const counts = this.#images.get(name) ?? { made: 0, true: 0, false: 0 };
      counts.made += 1;
      if (row.rejectedTrue !== null) counts[row.rejectedTrue ? "true" : "false"] += 1;
      this.#images.set(name, counts);
    }
  }

  summary(): Omit<CompleteSummary, "columnsLeftOut"> {
    return {
      read: this.read,
      written: this.written,
      quarantined: this.read - this.written,
      complete: this.#complete,
      texts: sorted(this.#texts),
      pictures: sorted(this.#images),
      reasons: sorted(this.#reasons),
    };
  }
}

function add(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

function sorted<T>(values: ReadonlyMap<string, T>): Record<string, T> {
  return Object.fromEntries([...values].sort(([one], [other]) => (one < other ? -1 : 1)));
}
