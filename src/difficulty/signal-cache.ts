import { dirname } from "node:path";
import { JsonlWriter, readJsonl } from "../files/jsonl.js";
import { makeFolder } from "../files/writable.js";

/** Signals of pairs that were measured before, by the content of the pair: what was once measured is not again. */
export class SignalCache {
  readonly #writer: JsonlWriter;
  readonly #known: Map<string, Readonly<Record<string, number>>>;

  private constructor(writer: JsonlWriter, known: Map<string, Readonly<Record<string, number>>>) {
    this.#writer = writer;
    this.#known = known;
  }

  /**
   * Opens a cache; a torn last line, left by a process that was killed, is cut off.
   *
   * @param path - JSON lines, `{"key", ...signals}`; its name says what they were measured with.
   */
  static async open(path: string): Promise<SignalCache> {
    await makeFolder(dirname(path));
    const writer = await JsonlWriter.open(path);
    const known = new Map<string, Readonly<Record<string, number>>>();
    for await (const { key, ...signals } of readJsonl<{ key: string } & Record<string, never>>(path)) {
      known.set(key, { ...known.get(key), ...signals });
    }
    return new SignalCache(writer, known);
  }

  /** The signals of a pair, as far as they are known. */
  get(key: string): Readonly<Record<string, number>> | undefined {
    return this.#known.get(key);
  }

  /** Adds signals; resolves when they are written. */
  async add(
    entries: readonly { readonly key: string; readonly signals: Readonly<Record<string, number>> }[],
  ): Promise<void> {
    for (const { key, signals } of entries) this.#known.set(key, { ...this.#known.get(key), ...signals });
    await this.#writer.append(...entries.map(({ key, signals }) => ({ key, ...signals })));
  }

  close(): Promise<void> {
    return this.#writer.close();
  }
}
