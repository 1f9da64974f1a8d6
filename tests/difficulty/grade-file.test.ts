import { expect } from "chai";
import fc from "fast-check";
import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { curriculumOrders } from "../../src/curriculum/curriculum.js";
import { curriculumPolicy } from "../../src/curriculum/registry.js";
import { cutStages, stagesByBounds } from "../../src/curriculum/stages.js";
import { gradeFile, type GradeFileRequest } from "../../src/difficulty/grade-file.js";
import {
  DEFAULT_SIGNALS,
  type Grading,
  MISSING_SIGNALS,
  NORMALISATIONS,
  type SignalName,
  SIGNALS,
  type SignalUse,
} from "../../src/difficulty/grading.js";
import { readTable, writeTable, type Column, type Row } from "../../src/pairs/table.js";

const SIGNAL_COLUMNS: Column[] = SIGNALS.map((name) => ({ name, kind: "double", optional: true }));
const GRADE_COLUMNS: Column[] = [
  { name: "pair", kind: "int32" },
  { name: "difficulty", kind: "double", optional: true },
  { name: "stage", kind: "int32", optional: true },
  { name: "order", kind: "int32", optional: true },
];

type PairSignals = { [name in SignalName]?: number | undefined };

/** Place of each value among all, 0 to 1, by counting: half of its equals stand before it. */
function placesOf(values: readonly number[]): number[] {
  if (values.length === 1) return [0.5];
  return values.map((value) => {
    const less = values.filter((other) => other < value).length;
    const equal = values.filter((other) => other === value).length;
    return (less + (equal - 1) / 2) / (values.length - 1);
  });
}

/** Place of each value between the least, 0, and the greatest, 1. */
function sharesOf(values: readonly number[]): number[] {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  return values.map((value) => (least === most ? 0.5 : (value - least) / (most - least)));
}

/** Difficulties by definition, as slow as that is. */
function difficultiesOf(
  pairs: readonly PairSignals[],
  uses: Readonly<Record<SignalName, SignalUse>>,
  { normalise, missing }: Pick<Grading, "normalise" | "missing">,
): number[] {
  const normalised = SIGNALS.filter((name) => uses[name].weight > 0).map((name) => {
    const present = pairs.flatMap((pair, row) => (pair[name] === undefined ? [] : [{ row, value: pair[name] }]));
    const values = present.map(({ value }) => uses[name].sign * value);
    const terms = normalise === "ranks" ? placesOf(values) : sharesOf(values);
    const stands = new Map(present.map(({ row }, at) => [row, terms[at] as number]));
    const instead = missing === "middle" && present.length > 0 ? 0.5 : undefined;
    return { weight: uses[name].weight, term: (row: number) => stands.get(row) ?? instead };
  });
  const means = pairs.map((_, row) => {
    let [sum, weights] = [0, 0];
    for (const { weight, term } of normalised) {
      const value = term(row);
      if (value === undefined) continue;
      sum += weight * value;
      weights += weight;
    }
    // Equal means can differ in the last bit; they are ties.
    return Math.round((sum / weights) * 1e12);
  });
  return normalise === "ranks" ? placesOf(means) : means.map((mean) => mean / 1e12);
}

describe("gradeFile", () => {
  let folder: string;
  let request: GradeFileRequest;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "scpo-grade-"));
    request = { signals: join(folder, "signals.parquet"), out: join(folder, "graded.parquet"), threads: 1 };
  });
  afterEach(() => rm(folder, { recursive: true }));

  async function write(pairs: readonly PairSignals[], columns = SIGNAL_COLUMNS): Promise<void> {
    const rows = pairs.map((pair): Row => Object.fromEntries(SIGNALS.map((name) => [name, pair[name] ?? null])));
    await writeTable(request.signals, columns, rows);
  }

  async function faultOf(changes: Partial<GradeFileRequest> = {}): Promise<string> {
    const fault = await gradeFile({ ...request, ...changes }).then(
      () => "none",
      (error: Error) => `${error.name}: ${error.message}`,
    );
    expect(fault).not.to.include("\n");
    return fault.replaceAll(request.signals, "FILE");
  }

  async function difficulties(pairs: readonly PairSignals[], changes: Partial<GradeFileRequest> = {}) {
    await write(pairs);
    await gradeFile({ ...request, stages: 1, ...changes });
    return (await readTable(request.out, GRADE_COLUMNS)).map(({ difficulty }) => difficulty);
  }

  it("averages the ranks of the signals, by hand", async () => {
    // entropy ranks 0, .5, 1; similarity 1, .5, 0; distance (less is harder) 0, 1, .5 -> means 1/3, 2/3, 1/2
    const graded = await difficulties([
      { entropy: 0.1, image_similarity: 0.9, transport_distance: 0.8 },
      { entropy: 0.2, image_similarity: 0.5, transport_distance: 0.1 },
      { entropy: 0.7, image_similarity: 0.1, transport_distance: 0.3 },
    ]);
    expect(graded).to.deep.equal([0, 1, 0.5]);
  });

  it("turns a signal around with its sign and counts it by its weight", async () => {
    const distances = [{ transport_distance: 3 }, { transport_distance: 1 }, { transport_distance: 2 }];
    expect(await difficulties(distances)).to.deep.equal([0, 1, 0.5]);
    const uses = { entropy: { sign: 1, weight: 3 }, transport_distance: { sign: -1, weight: 1 } } as const;
    // 3 parts entropy (0, 1, .5) outweigh one part distance (1, 0, .5).
    const both = [0, 2, 1].map((entropy) => ({ entropy, transport_distance: entropy + 1 }));
    expect(await difficulties(both, { uses })).to.deep.equal([0, 1, 0.5]);
  });

  it("treats a missing signal as missing, not as zero", async () => {
    // Words alone: ranks 0 and 1 over the two that have them. Means: 0, .5 (entropy alone), (1 + 1) / 2.
    const some = [{ entropy: 1, word_proximity: 0.2 }, { entropy: 2 }, { entropy: 3, word_proximity: 0.9 }];
    expect(await difficulties(some)).to.deep.equal([0, 0.5, 1]);
    // Were the missing value a zero, the second pair would be the easiest by words and fall behind the first.
    expect(await difficulties([{ entropy: 1, word_proximity: 0.5 }, { entropy: 1 }])).to.deep.equal([0.5, 0.5]);
  });

  it("scales signals from least to most when asked to, and leaves their mean as it is", async () => {
    // entropy 0, .25, 1; distance (less is harder) 1, 0, .8 -> means .5, .125, .9
    const pairs = [
      { entropy: 2, transport_distance: 10 },
      { entropy: 3, transport_distance: 60 },
      { entropy: 6, transport_distance: 20 },
    ];
    expect(await difficulties(pairs, { normalise: "min-max" })).to.deep.equal([0.5, 0.125, 0.9]);
    expect(await difficulties([{ entropy: 4 }, { entropy: 4 }], { normalise: "min-max" })).to.deep.equal([0.5, 0.5]);
  });

  it("takes a missing signal for the middle, or requires it, when asked to", async () => {
    // entropy 0, 1, 1; words 0, (.5), 1
    const pairs = [{ entropy: 0, word_proximity: 0 }, { entropy: 2 }, { entropy: 2, word_proximity: 1 }];
    expect(await difficulties(pairs, { normalise: "min-max", missing: "middle" })).to.deep.equal([0, 0.75, 1]);
    expect(await difficulties(pairs, { normalise: "min-max", missing: "skip" })).to.deep.equal([0, 1, 1]);
  });

  it("grades, cuts and orders as the definitions say, to the last bit", async () => {
    const tied = fc.integer({ min: -2, max: 4 }).map((value) => value / 4);
    // Twice as far apart still is a number.
    const value = fc.oneof(tied, fc.double({ noNaN: true, min: -8e307, max: 8e307 }), fc.constant(-0));
    const optional = fc.option(value, { nil: undefined });
    const pair = fc.record({
      entropy: value,
      image_similarity: optional,
      transport_distance: optional,
      word_proximity: optional,
    });
    const whole = fc.record({
      entropy: value,
      image_similarity: value,
      transport_distance: value,
      word_proximity: value,
    });
    const use = fc.record({ sign: fc.constantFrom<1 | -1>(1, -1), weight: fc.constantFrom(0, 1, 0.1, 3) });
    const uses = fc.record({
      entropy: use.map(({ sign, weight }) => ({ sign, weight: weight + 0.3 })),
      image_similarity: use,
      transport_distance: use,
      word_proximity: use,
    });
    const options = fc.record({
      normalise: fc.constantFrom(...NORMALISATIONS),
      missing: fc.constantFrom(...MISSING_SIGNALS),
      cut: fc.oneof(
        fc.record({ stages: fc.integer({ min: 1, max: 2 }) }),
        fc.record({ bounds: fc.constantFrom<number[]>([0.5], [0.3, 0.7], [0.25, 0.5, 0.75]) }),
      ),
      trim: fc.constantFrom(0, 0.1, 0.5),
      order: fc.constantFrom(...curriculumOrders),
      seed: fc.integer({ min: 0, max: 2 ** 40 }),
    });
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(
        // Some pairs have every signal, so that there is something to grade.
        fc.tuple(fc.array(whole, { minLength: 4, maxLength: 4 }), fc.array(pair, { minLength: 4, maxLength: 36 })),
        uses,
        options,
        async ([first, others], uses, { normalise, missing, cut, trim, order, seed }) => {
          const pairs: PairSignals[] = [...first, ...others];
          await write(pairs);
          const used = SIGNALS.filter((name) => uses[name].weight > 0);
          const has = (one: PairSignals) => used.filter((name) => one[name] !== undefined);
          const rows = [...pairs.keys()].filter(
            (row) => missing !== "require" || has(pairs[row] as PairSignals).length === used.length,
          );
          const graded = difficultiesOf(
            rows.map((row) => pairs[row] as PairSignals),
            uses,
            { normalise, missing },
          );
          const difficulties = new Map(rows.map((row, at) => [row, graded[at] as number]));
          const difficultyOf = (row: number) => difficulties.get(row) as number;
          const byDifficulty = [...rows].sort((a, b) => difficultyOf(a) - difficultyOf(b) || a - b);
          const kept = byDifficulty.slice(0, rows.length - Math.floor(rows.length * trim)).sort((a, b) => a - b);
          const found = kept.map(difficultyOf);
          const levels = "bounds" in cut ? stagesByBounds(found, cut.bounds) : cutStages(found, cut.stages);
          const stages = "bounds" in cut ? cut.bounds.length + 1 : cut.stages;
          const sizes = Array.from({ length: stages }, (_, stage) => levels.filter((level) => level === stage).length);
          const changes = { uses, normalise, missing, ...cut, trim, order, seed, withoutSignal: "leave-out" } as const;
          if (sizes.includes(0)) {
            expect(await faultOf(changes)).to.include(`stage ${sizes.indexOf(0)} would hold no pair`);
            return;
          }
          const result = await gradeFile({ ...request, ...changes });
          const curriculum = curriculumPolicy({ policy: "staged", order, ...cut })(
            kept.map((row) => ({ pair: row, difficulty: difficultyOf(row), stage: null })),
            { effectiveBatch: 1, seed },
          );
          const feeding = curriculum.stages.flatMap((stage) => stage.pairs);
          const expected = pairs.map((_, row) => ({
            pair: row,
            difficulty: difficulties.get(row) ?? null,
            stage: levels[kept.indexOf(row)] ?? null,
            order: kept.includes(row) ? feeding.indexOf(row) : null,
          }));
          expect(await readTable(request.out, GRADE_COLUMNS)).to.deep.equal(expected);
          expect(result).to.deep.equal({
            pairs: pairs.length,
            signals: Object.fromEntries(
              used.map((name) => [name, rows.filter((row) => pairs[row]?.[name] !== undefined).length]),
            ),
            stages: sizes,
            trimmed: rows.length - kept.length,
            ungraded: pairs.length - rows.length,
          });
          compared += 1;
        },
      ),
      { numRuns: 60 },
    );
    expect(compared).to.be.greaterThan(30);
    expect((await readdir(folder)).sort()).to.deep.equal(["graded.parquet", "signals.parquet"]);
  });

  it("is the same over several row groups and threads, whatever is spilled", async () => {
    const pairs = Array.from({ length: 2500 }, (_, row) => ({
      entropy: (row * 7919) % 1009,
      image_similarity: (row * 104729) % 5003,
      transport_distance: row % 17,
      ...(row % 3 === 0 ? {} : { word_proximity: (row * 31) % 101 }),
    }));
    await write(pairs);
    const phases: string[] = [];
    await gradeFile({ ...request, threads: 3, memoryLimit: "40MB", onProgress: (phase) => phases.push(phase) });
    const graded = await readTable(request.out, GRADE_COLUMNS);
    expect(graded.map(({ difficulty }) => difficulty)).to.deep.equal(
      difficultiesOf(pairs, DEFAULT_SIGNALS, { normalise: "ranks" }),
    );
    expect(phases).to.deep.equal([...SIGNALS, "difficulty", "order", "writing", "writing"]);
  });

  it("takes a single pair, other numeric columns, and a path with the signs of a pattern", async () => {
    request = { ...request, signals: join(folder, "o'clock [1]*?.parquet"), stages: 1 };
    await writeTable(request.signals, [{ name: "entropy", kind: "int32" }], [{ entropy: 4 }]);
    const only = { sign: 1, weight: 0 } as const;
    const uses = { entropy: { sign: 1, weight: 1 }, image_similarity: only, transport_distance: only } as const;
    await gradeFile({ ...request, uses: { ...uses, word_proximity: only } });
    expect(await readTable(request.out, GRADE_COLUMNS)).to.deep.equal([
      { pair: 0, difficulty: 0.5, stage: 0, order: 0 },
    ]);
  });

  it("names the row and the signal that cannot be graded", async () => {
    await write([{ entropy: 1 }, {}, { entropy: 2 }]);
    expect(await faultOf()).to.equal(
      "UserError: FILE, row 1: no signal of entropy, image_similarity, transport_distance, word_proximity has a value",
    );
    expect(await faultOf({ missing: "require" })).to.include(
      "no pair has every signal of entropy, image_similarity, transport_distance, word_proximity: measure one",
    );
    await write([{ entropy: 1 }, { entropy: 1, image_similarity: 1, transport_distance: 1, word_proximity: 1 }]);
    expect(await faultOf({ missing: "require" })).to.include("FILE, row 0: a signal of entropy, ");
    await write([{ entropy: 1e308 }, { entropy: -1e308 }]);
    expect(await faultOf({ normalise: "min-max", stages: 1 })).to.include(
      "signal entropy: its values are too far apart",
    );
    await write([{ entropy: 1 }, { entropy: NaN }]);
    expect(await faultOf()).to.equal(
      "UserError: FILE, row 1: signal entropy is NaN, expected a finite number or no value",
    );
    await write([{ entropy: 1 }, { entropy: 2, word_proximity: -Infinity }]);
    expect(await faultOf()).to.include("FILE, row 1: signal word_proximity is -Infinity");
  });

  it("names what is wrong with the file", async () => {
    expect(await faultOf()).to.match(/^UserError: cannot open FILE \(ENOENT.*expected a Parquet file/);
    await write([]);
    expect(await faultOf()).to.equal("UserError: FILE holds no pairs; expected at least one row: add pairs");
    await write([{ entropy: 1 }], SIGNAL_COLUMNS.slice(0, 3));
    expect(await faultOf()).to.match(/^UserError: FILE: column "word_proximity" is missing; add it/);
    await writeTable(
      request.signals,
      SIGNALS.map((name) => ({ name, kind: "string" })),
      [],
    );
    expect(await faultOf()).to.equal('UserError: FILE: column "entropy" holds VARCHAR, expected numbers');
    await write([{ entropy: 1 }]);
    const bytes = await readFile(request.signals);
    for (const broken of [bytes.subarray(0, bytes.length - 9), Buffer.from("entropy\n1\n")]) {
      await writeFile(request.signals, broken);
      expect(await faultOf()).to.match(/^UserError: FILE is not a complete Parquet file \(.*write it again$/);
    }
    expect(await readdir(folder)).to.deep.equal(["signals.parquet"]);
  });

  it("names the option that is out of range", async () => {
    await write([{ entropy: 1 }, { entropy: 2 }]);
    expect(await faultOf()).to.equal("UserError: stages is 3, expected at most the number of pairs kept (2)");
    expect(await faultOf({ stages: 0.5 })).to.include("stages is 0.5");
    expect(await faultOf({ stages: 2, trim: 0.5 })).to.include("number of pairs kept (1)");
    expect(await faultOf({ stages: 2, bounds: [0.5] })).to.include("stages is 2 and bounds are 0.5, expected one of");
    expect(await faultOf({ bounds: [0.7, 0.3] })).to.include("bounds: found 0.7,0.3, expected difficulties above 0");
    expect(await faultOf({ bounds: [0.5, 0.9], trim: 0.5 })).to.include("stage 1 would hold no pair");
    expect(await faultOf({ normalise: "z" as never })).to.include('normalise is "z", expected one of ranks, min-max');
    expect(await faultOf({ missing: "zero" as never })).to.include('missing is "zero", expected one of skip');
    expect(await faultOf({ trim: 1 })).to.include("trim is 1, expected 0 up to but not 1");
    expect(await faultOf({ seed: -1 })).to.include("seed is -1");
    expect(await faultOf({ order: "easy" as never })).to.include('order is "easy", expected one of easy-to-hard');
    expect(await faultOf({ memoryLimit: "lots" })).to.include('memory limit is "lots"');
    expect(await faultOf({ threads: 0 })).to.include("threads is 0");
    const other = join(folder, "linked.parquet");
    await symlink(request.signals, other);
    for (const out of [request.signals, other])
      expect(await faultOf({ out })).to.match(/the file that is read; name another/);
    const negative = { ...DEFAULT_SIGNALS, entropy: { sign: 1, weight: -1 } } as const;
    expect(await faultOf({ uses: negative })).to.include("signal entropy: weight is -1");
  });

  it("stops when it is told to, and leaves nothing behind", async () => {
    await write(Array.from({ length: 3000 }, (_, row) => ({ entropy: row })));
    for (const at of ["entropy", "difficulty", "order"]) {
      const abort = new AbortController();
      const onProgress = (phase: string): void => (phase === at ? abort.abort(new Error("stopped")) : undefined);
      expect(await faultOf({ signal: abort.signal, onProgress })).to.equal("Error: stopped");
    }
    expect(await readdir(folder)).to.deep.equal(["signals.parquet"]);
  });
});
