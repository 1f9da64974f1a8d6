import { expect } from "chai";
import fc from "fast-check";
import { cp, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UserError } from "../../src/errors.js";
import { importPairs } from "../../src/pairs/import/import-pairs.js";
import { importerNamed } from "../../src/pairs/import/registry.js";
import { PUBLISHED_SETS, publishedSets, type PublishedSet, settingsOf } from "../fixtures/published-sets.js";

/** Tries of each property, however long a busy machine takes for one. */
const TRIES = { numRuns: 15 };

const bytes = fc.uint8Array({ maxLength: 300 });
const json = fc.jsonValue({ maxDepth: 3 });

describe("importers, given anything", function () {
  this.timeout(120_000);
  let root: string;
  let folder: string;
  let runs = 0;
  before(async () => {
    root = await publishedSets();
    folder = await mkdtemp(join(tmpdir(), "scpo-fuzz-"));
  });
  // A file of a refused import may still be on its way out.
  after(() => rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 }));

  /** Counts that add up, or one line that says what is wrong. */
  async function importedOrRefused(set: PublishedSet, source: string): Promise<void> {
    const out = join(folder, `out-${(runs += 1)}`, "pairs.parquet");
    const importer = importerNamed(set.format);
    try {
      const summary = await importPairs({ importer, source, out, settings: settingsOf(set, root, source) });
      expect(summary.read).to.equal(summary.written + summary.quarantined);
      expect(summary.written).to.be.greaterThan(0);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      expect(error.message).to.match(/^[^\n\r]+$/);
      expect(error.message.length).to.be.below(1200);
      expect(await stat(out).catch(() => null)).to.equal(null);
    }
    await rm(join(out, ".."), { recursive: true, force: true });
  }

  /** Files of a set that hold rows or describe them. */
  async function textFiles(set: PublishedSet, copy: string): Promise<string[]> {
    const top = join(copy, ...set.source.split("/").slice(1));
    const files = (await stat(top)).isDirectory()
      ? (await readdir(top, { recursive: true })).map((name) => join(top, name))
      : [top];
    return files.filter((name) => /\.(json|jsonl|parquet)$/.test(name)).sort();
  }

  for (const set of PUBLISHED_SETS) {
    const [top = ""] = set.source.split("/");
    describe(`${set.format} from ${set.source} ${set.dataset ?? ""}`, () => {
      async function spoilt(spoil: (path: string, content: Buffer) => Promise<void>, pick: number): Promise<void> {
        const copy = join(folder, `set-${(runs += 1)}`);
        await cp(join(root, top), copy, { recursive: true });
        const files = await textFiles(set, copy);
        const path = files[pick % files.length] as string;
        await spoil(path, await readFile(path));
        await importedOrRefused(set, join(copy, ...set.source.split("/").slice(1)));
        await rm(copy, { recursive: true });
      }

      it("survives bytes and JSON in place of a file", async () => {
        const contents = fc.oneof(
          bytes,
          json.map((value) => JSON.stringify(value)),
          fc.array(json, { maxLength: 3 }).map((rows) => rows.map((row) => JSON.stringify(row)).join("\n")),
        );
        await fc.assert(
          fc.asyncProperty(contents, fc.nat(), (content, pick) => spoilt((path) => writeFile(path, content), pick)),
          TRIES,
        );
      });

      it("survives files that are cut off or have other bytes here and there", async () => {
        const damage = fc.record({
          at: fc.nat(),
          cut: fc.boolean(),
          with: fc.uint8Array({ minLength: 1, maxLength: 8 }),
        });
        await fc.assert(
          fc.asyncProperty(damage, fc.nat(), ({ at, cut, with: other }, pick) =>
            spoilt((path, content) => {
              const place = at % content.length;
              if (cut) return writeFile(path, content.subarray(0, place));
              content.set(other.subarray(0, content.length - place), place);
              return writeFile(path, content);
            }, pick),
          ),
          TRIES,
        );
      });

      it("survives rows with a field that holds something else or is missing", async () => {
        await fc.assert(
          fc.asyncProperty(fc.nat(), fc.nat(), fc.option(json, { nil: undefined }), (at, pick, value) =>
            spoilt(async (path, content) => {
              if (path.endsWith(".parquet")) return;
              const lines = path.endsWith(".jsonl");
              const text = content.toString("utf8");
              const whole: unknown = lines
                ? text
                    .trim()
                    .split("\n")
                    .map((line) => JSON.parse(line) as unknown)
                : JSON.parse(text);
              replaceOne(whole, at, value);
              await writeFile(
                path,
                lines ? (whole as unknown[]).map((row) => JSON.stringify(row)).join("\n") : JSON.stringify(whole),
              );
            }, pick),
          ),
          TRIES,
        );
      });
    });
  }
});

/** Puts another value in the place of one of the fields or elements, at any depth; undefined takes it away. */
function replaceOne(whole: unknown, at: number, value: unknown): void {
  const places: [Record<string, unknown>, string][] = [];
  const walk = (node: unknown): void => {
    if (typeof node !== "object" || node === null) return;
    for (const [name, child] of Object.entries(node)) {
      places.push([node as Record<string, unknown>, name]);
      walk(child);
    }
  };
  walk(whole);
  const [parent, name] = places[at % places.length] as [Record<string, unknown>, string];
  if (value === undefined && !Array.isArray(parent)) delete parent[name];
  else parent[name] = value ?? null;
}
