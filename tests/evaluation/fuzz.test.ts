import { expect } from "chai";
import fc from "fast-check";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UserError } from "../../src/errors.js";
import type { Benchmark } from "../../src/evaluation/benchmark.js";
import type { EvalResult } from "../../src/evaluation/eval-result.js";
import { openJudge, type Judge } from "../../src/evaluation/judge.js";
import { BENCHMARKS } from "../../src/evaluation/registry.js";
import { score } from "../../src/evaluation/score.js";
import { DECODING_LIMITS } from "../../src/pairs/parquet-decoder.js";
import { TINY_BENCHMARKS, writeTinyBenchmark } from "../fixtures/tiny-benchmarks.js";

/** A slow machine tries fewer. */
const PATIENCE = { interruptAfterTimeLimit: 4000, markInterruptAsFailure: false };

interface Manner {
  mode: "strict" | "fixed";
  options: Readonly<Record<string, string>>;
}

const bytes = fc.uint8Array({ maxLength: 300 });
const json = fc.jsonValue({ maxDepth: 3 });
const words = 'yes No not no. a dog the kitten person. (a) B rating: 3 correct ["dog"] . , \n'.split(/(?<= )/);
const texts = fc.oneof(
  fc.string({ unit: "binary", maxLength: 60 }),
  fc.array(fc.constantFrom(...words), { maxLength: 12 }).map((parts) => parts.join("")),
);

describe("scorers, given anything", function () {
  this.timeout(120_000);
  let folder: string;
  /** A new one for each run, so that no run stumbles over another. */
  let answers: string;
  let runs = 0;
  const usual = { ...DECODING_LIMITS };
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "scpo-fuzz-"));
    // A byte changed inside a Parquet file can keep its reader busy for minutes.
    Object.assign(DECODING_LIMITS, { seconds: 2, mebibytes: 512 });
  });
  after(async () => {
    Object.assign(DECODING_LIMITS, usual);
    await rm(folder, { recursive: true, force: true });
  });

  /** Says what it was made to say. */
  function judgeSaying(content: string): Judge {
    const judge = openJudge({
      ...{ model: "test", cache: join(folder, "cache"), concurrency: 2, overrides: {} },
      endpoint: { url: "http://127.0.0.1:1/" },
    });
    return { ...judge, ask: () => Promise.resolve({ content, model: "test" }) };
  }

  /** The rows that a model which says nothing but one thing would leave. */
  async function rowsOf(benchmark: Benchmark, annotations: string, said: readonly string[]): Promise<unknown[]> {
    const rows: unknown[] = [];
    for await (const prompt of benchmark.prompts?.(annotations) ?? []) {
      rows.push(benchmark.answerRow?.(prompt, said[rows.length % said.length] as string));
    }
    return rows;
  }

  async function writeRows(benchmark: Benchmark, rows: readonly unknown[]): Promise<void> {
    answers = join(folder, `answers-${(runs += 1)}`);
    if (benchmark.answers === "json-array") return writeFile(answers, JSON.stringify(rows));
    if (benchmark.answers === "jsonl") {
      return writeFile(answers, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
    }
    const files = new Map<string, string>();
    for (const row of rows as { file: string; text: string }[]) {
      files.set(row.file, `${files.get(row.file) ?? ""}${row.text}\n`);
    }
    await mkdir(answers);
    for (const [name, content] of files) await writeFile(join(answers, name), content);
  }

  async function writeBytes(benchmark: Benchmark, content: Uint8Array | string): Promise<void> {
    answers = join(folder, `answers-${(runs += 1)}`);
    if (benchmark.answers !== "text-folder") return writeFile(answers, content);
    await mkdir(answers);
    await writeFile(join(answers, "existence.txt"), content);
  }

  /** A result whose figures are finite or undefined, or one line that says what is wrong. */
  async function scoredOrRefused(
    benchmark: Benchmark,
    annotations: string,
    { mode, options }: Manner,
    verdict: string,
  ): Promise<EvalResult | undefined> {
    let result: EvalResult;
    try {
      result = await score({ benchmark, annotations, answers, mode, options, judge: judgeSaying(verdict) });
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      expect(error.message).to.match(/^[^\n\r]+$/);
      // An option that does not go with the mode is in no file.
      if (!error.message.startsWith("option ")) expect(error.message, "names no file").to.include(folder);
      expect(error.message.length).to.be.below(1000);
      return undefined;
    }
    for (const metric of result.about) {
      const value = result.metrics[metric.name];
      expect(value === null || Number.isFinite(value), `${metric.name} is ${value}`).to.equal(true);
    }
    return result;
  }

  it("has tiny annotations for every benchmark", () => {
    expect(Object.keys(TINY_BENCHMARKS).sort()).to.deep.equal(BENCHMARKS.map(({ name }) => name).sort());
  });

  for (const benchmark of BENCHMARKS) {
    describe(benchmark.name, () => {
      const tiny = TINY_BENCHMARKS[benchmark.name] ?? { files: {} };
      const manners: fc.Arbitrary<Manner> = fc.record({
        mode: fc.constantFrom("strict" as const, "fixed" as const),
        options: fc.constantFrom({}, ...(tiny.options ?? [])),
      });
      let annotations: string;
      before(async () => {
        annotations = join(folder, benchmark.name);
        await writeTinyBenchmark(annotations, tiny);
      });

      it("scores any text as an answer", async () => {
        await fc.assert(
          fc.asyncProperty(
            fc.array(texts, { minLength: 1, maxLength: 4 }),
            texts,
            manners,
            async (said, verdict, manner) => {
              await writeRows(benchmark, await rowsOf(benchmark, annotations, said));
              const result = await scoredOrRefused(benchmark, annotations, manner, verdict);
              // A judge may leave nothing to score, an option may ask for other answers.
              if (!benchmark.judged && Object.keys(manner.options).length === 0) expect(result?.n).to.be.greaterThan(0);
            },
          ),
          { numRuns: 40, ...PATIENCE },
        );
      });

      it("scores or refuses bytes", async () => {
        await fc.assert(
          fc.asyncProperty(bytes, manners, async (content, manner) => {
            await writeBytes(benchmark, content);
            expect(await scoredOrRefused(benchmark, annotations, manner, "yes")).to.equal(undefined);
          }),
          { numRuns: 40, ...PATIENCE },
        );
      });

      it("scores or refuses any JSON, as lines or as an array", async () => {
        await fc.assert(
          fc.asyncProperty(fc.array(json, { maxLength: 3 }), fc.boolean(), manners, async (rows, array, manner) => {
            const lines = rows.map((row) => JSON.stringify(row));
            await writeBytes(benchmark, array ? `[${lines.join(",")}]` : lines.join("\n"));
            await scoredOrRefused(benchmark, annotations, manner, "yes");
          }),
          { numRuns: 40, ...PATIENCE },
        );
      });

      it("scores or refuses rows of which one is wrong, twice there, missing or out of place", async () => {
        const rows = await rowsOf(benchmark, annotations, ["Yes", "No", "A dog."]);
        const change = fc.record({ at: fc.nat(rows.length - 1), field: fc.nat(8), value: json, how: fc.nat(4) });
        await fc.assert(
          fc.asyncProperty(change, texts, manners, async ({ at, field, value, how }, verdict, manner) => {
            const changed = structuredClone(rows);
            const row = changed[at] as Record<string, unknown>;
            const names = Object.keys(row);
            const name = names[field % names.length] as string;
            if (how === 0) row[name] = benchmark.answers === "text-folder" ? JSON.stringify(value) : value;
            // A folder of text files has no fields to lack.
            if (how === 1 && benchmark.answers !== "text-folder") delete row[name];
            if (how === 2) changed.splice(field % changed.length, 0, row);
            if (how === 3) changed.splice(at, 1);
            if (how === 4) changed.reverse();
            // No file has such a name, so no folder of answers has it.
            const file = String(row["file"]);
            if (benchmark.answers === "text-folder" && (/[/\0]|^\.*$/.test(file) || Buffer.byteLength(file) > 255))
              return;
            await writeRows(benchmark, changed);
            await scoredOrRefused(benchmark, annotations, manner, verdict);
          }),
          { numRuns: 60, ...PATIENCE },
        );
      });

      it("scores or refuses with broken annotations", async () => {
        await writeRows(benchmark, await rowsOf(benchmark, annotations, ["Yes", "No", "A dog."]));
        const damage = fc.record({
          file: tiny.scenes === undefined ? fc.constantFrom(...Object.keys(tiny.files)) : fc.constant("."),
          how: fc.constantFrom("bytes", "json", "cut", "swap", "remove"),
          ...{ content: bytes, value: json, at: fc.nat(1000) },
        });
        await fc.assert(
          fc.asyncProperty(damage, manners, async ({ file, how, content, value, at }, manner) => {
            const broken = join(folder, `annotations-${(runs += 1)}`);
            await cp(annotations, broken, { recursive: true });
            const path = join(broken, file);
            const whole = await readFile(path);
            const place = at % Math.max(1, whole.length);
            if (how === "bytes") await writeFile(path, content);
            if (how === "json") await writeFile(path, JSON.stringify(value));
            if (how === "cut") await writeFile(path, whole.subarray(0, place));
            if (how === "swap") whole[place] = content[0] ?? 0;
            if (how === "swap") await writeFile(path, whole);
            if (how === "remove") await rm(path);
            await scoredOrRefused(benchmark, broken, manner, "yes");
          }),
          { numRuns: 60, ...PATIENCE },
        );
      });
    });
  }
});
