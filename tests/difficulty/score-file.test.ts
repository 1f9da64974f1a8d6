import { expect } from "chai";
import { execFile } from "node:child_process";
import { mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { findPython, pythonPath } from "../../src/backend/python.js";
import type { Trainer } from "../../src/backend/trainer.js";
import { cacheFolder, scoreFile, type ScoreFileRequest } from "../../src/difficulty/score-file.js";
import { signalCorrelations } from "../../src/difficulty/signal-correlations.js";
import type { PairScore, QuadLogps } from "../../src/generated/scpo/v1/pair.js";
import { Signal } from "../../src/generated/scpo/v1/trainer.js";
import { PACKAGE_ROOT } from "../../src/package-root.js";
import { PAIR_COLUMNS } from "../../src/pairs/pair-row.js";
import { type Column, readTable, type Row, writeTable } from "../../src/pairs/table.js";
import { type TinyWorld, tinyWorld } from "../fixtures/tiny-run.js";

const COLUMNS: readonly Column[] = [...PAIR_COLUMNS, { name: "votes", kind: "double", optional: true }];
/** Rows of the file that lack their rejected text, or their contrast picture. */
const [NO_TEXT, NO_PICTURE] = [3, 8];

describe("scoreFile", function () {
  this.timeout(240_000);
  let world: TinyWorld;
  let trainer: Trainer;
  let request: ScoreFileRequest;
  let rows: Row[];
  let cosines: number[];

  before(async () => {
    world = await tinyWorld();
    const script = join(PACKAGE_ROOT, "tests", "fixtures", "build_tiny_encoders.py");
    const env = { ...process.env, PYTHONPATH: pythonPath(), OMP_NUM_THREADS: "1" };
    const { stdout } = await promisify(execFile)(findPython(), [script, world.folder], { env });
    cosines = JSON.parse(stdout) as number[];
    rows = (await readTable(world.pairs.path, PAIR_COLUMNS)).map((row, index) => ({
      ...row,
      ...(index === NO_TEXT ? { rejected: null } : {}),
      ...(index === NO_PICTURE ? { rejected_images: null } : {}),
      ...(index === 0 ? { chosen_word: "red", rejected_word: "green" } : {}),
      votes: index,
    }));
    const pairs = join(world.folder, "to-score.parquet");
    await writeTable(pairs, COLUMNS, rows);
    trainer = await world.boot();
    request = {
      pairs,
      out: join(world.folder, "scored.parquet"),
      signals: ["entropy", "image_similarity", "transport_distance", "word_proximity", "edit_distance"],
      model: world.model,
      batchSize: 4,
      trainer: () => Promise.resolve(trainer),
    };
  });
  after(() => trainer.stop());

  const scored = (out = request.out): Promise<Row[]> => readTable(out, COLUMNS);
  const isComplete = (row: number): boolean => row !== NO_TEXT && row !== NO_PICTURE;

  /** What the trainer says without the file's way, all pairs in one batch. */
  async function direct(model: string, signals: readonly Signal[]): Promise<PairScore[]> {
    await trainer.client.loadModel({ path: model });
    const found: PairScore[] = [];
    const request = { dataset: world.pairs, pairs: [], signals: [...signals], batchSize: 0 };
    for await (const { scores } of trainer.client.scorePairs(request)) for (const one of scores) found[one.pair] = one;
    return found;
  }

  it("encoders alone need no model", async () => {
    // No model is loaded before this.
    const out = join(world.folder, "encoded.parquet");
    const encoders = { imageEncoder: join(world.folder, "clip"), patchEncoder: join(world.folder, "dinov2") };
    const signals = ["image_similarity", "transport_distance"] as const;
    const result = await scoreFile({ ...request, out, model: undefined, signals, ...encoders });
    expect([result.asked, result.known, result.ungraded]).to.deep.equal([10, 0, 2]);
    for (const [index, row] of (await scored(out)).entries()) {
      expect(row["transport_distance"] === null).to.equal(!isComplete(index));
      if (isComplete(index)) expect(row["image_similarity"]).to.be.closeTo(cosines[index] as number, 1e-5);
    }
    expect((await trainer.client.describe({})).modelPath).to.equal("");
    // With a model beside them they are not asked again; the model is, for what only it gives.
    const both = await scoreFile({ ...request, out, signals: ["entropy", ...signals], ...encoders });
    expect([both.asked, both.known]).to.deep.equal([10, 10]);
    expect((await scored(out)).filter(({ entropy }) => entropy !== null)).to.have.length(10);
  });

  it("measures and grades; signals that do not apply are missing, own columns and incomplete pairs stay", async () => {
    const result = await scoreFile(request);
    expect([result.asked, result.known, result.incomplete, result.ungraded]).to.deep.equal([10, 0, 2, 2]);
    const expected = await direct(world.model, [Signal.ENTROPY, Signal.IMAGE_SIMILARITY, Signal.TRANSPORT_DISTANCE]);
    for (const [index, row] of (await scored()).entries()) {
      const before = rows[index] as Row;
      for (const name of ["id", "images", "rejected_images", "prompt", "chosen", "rejected", "votes"]) {
        expect(row[name], name).to.deep.equal(before[name]);
      }
      // "a red disc" and "a green disc": one word of three.
      expect(row["edit_distance"]).to.equal(index === NO_TEXT ? null : 1 / 3);
      expect(row["word_proximity"] === null).to.equal(index !== 0);
      for (const name of ["reward_gap", "image_difference", "blind_margin", "tokens"]) expect(row[name]).to.equal(null);
      const names = ["entropy", "image_similarity", "transport_distance", "difficulty", "stage"];
      if (!isComplete(index)) for (const name of names) expect(row[name], name).to.equal(null);
      else {
        const score = expected[index] as PairScore;
        expect(row["entropy"]).to.be.closeTo(score.entropy as number, 1e-5);
        expect(row["image_similarity"]).to.be.closeTo(score.imageSimilarity as number, 1e-5);
        expect(row["transport_distance"]).to.be.closeTo(score.transportDistance as number, 1e-5);
        expect(row["stage"]).to.be.oneOf([0, 1, 2]);
      }
    }
    const { coverage, correlations } = await signalCorrelations(request.out, ["entropy", "votes", "word_proximity"]);
    expect(coverage).to.deep.equal({ entropy: 10, votes: 12, word_proximity: 1 });
    expect(correlations["difficulty"]?.["entropy"]).to.be.within(-1, 1);
    expect(correlations["votes"]).to.deep.equal({ word_proximity: null });
  });

  it("asks no model a second time, whatever else is chosen", async () => {
    const trainer = (): never => expect.fail("asked for a trainer");
    const first = await readFile(request.out);
    const again = await scoreFile({ ...request, trainer });
    expect([again.asked, again.known]).to.deep.equal([0, 10]);
    expect((await readFile(request.out)).equals(first)).to.equal(true);
    const other = await scoreFile({ ...request, trainer, stages: 2, uses: { votes: { sign: -1, weight: 1 } } });
    expect([other.stages, other.ungraded]).to.deep.equal([[6, 6], 0]);
    expect((await scored()).map(({ difficulty }) => difficulty)).to.deep.equal(rows.map((_, row) => (11 - row) / 11));
  });

  it("interrupted or killed in the middle and run again, ends with the same file and asks for what is missing", async () => {
    await scoreFile(request);
    const whole = await readFile(request.out);
    const out = join(world.folder, "interrupted.parquet");
    const abort = new AbortController();
    const onProgress = (phase: string, done: number): void => {
      if (phase === "pairs by the model" && done === 4) abort.abort(new Error("stopped"));
    };
    const stopped = await scoreFile({ ...request, out, signal: abort.signal, onProgress }).catch(
      (error: Error) => error,
    );
    expect(stopped).to.be.instanceOf(Error);
    expect((await readdir(world.folder)).filter((name) => name.startsWith("interrupted"))).to.deep.equal([
      "interrupted.parquet.signals",
    ]);
    const resumed = await scoreFile({ ...request, out });
    expect(resumed.known).to.be.oneOf([4, 8]);
    expect(resumed.asked).to.equal(10 - resumed.known);
    expect((await readFile(out)).equals(whole)).to.equal(true);

    // What a killed process leaves: some lines and a torn one, six pairs of the first two batches here.
    const [name] = await readdir(cacheFolder(request.out));
    const lines = (await readFile(join(cacheFolder(request.out), name as string), "utf8")).split("\n").slice(0, 7);
    const killed = join(world.folder, "killed.parquet");
    await mkdir(cacheFolder(killed));
    await writeFile(join(cacheFolder(killed), name as string), lines.join("\n").slice(0, -20));
    const after = await scoreFile({ ...request, out: killed });
    expect([after.known, after.asked]).to.deep.equal([4, 6]);
    expect((await readFile(killed)).equals(whole)).to.equal(true);
  });

  it("encoders stand in for the tower; their answers are kept apart from its own", async () => {
    const imageEncoder = join(world.folder, "clip");
    const signals = ["image_similarity", "transport_distance"] as const;
    const tower = (await scored(join(world.folder, "killed.parquet"))).map((row) => row["transport_distance"]);
    const result = await scoreFile({ ...request, signals, imageEncoder, patchEncoder: join(world.folder, "dinov2") });
    expect([result.asked, result.known]).to.deep.equal([10, 0]);
    for (const [index, row] of (await scored()).entries()) {
      if (!isComplete(index)) expect(row["image_similarity"]).to.equal(null);
      else {
        expect(row["image_similarity"]).to.be.closeTo(cosines[index] as number, 1e-5);
        expect(row["transport_distance"]).not.to.be.closeTo(tower[index] as number, 1e-6);
      }
    }
    // Moved, they are the same; another encoder is not.
    await rename(imageEncoder, join(world.folder, "moved"));
    const encoders = { imageEncoder: join(world.folder, "moved"), patchEncoder: join(world.folder, "dinov2") };
    expect((await scoreFile({ ...request, signals, ...encoders })).asked).to.equal(0);
    const swapped = { imageEncoder: encoders.patchEncoder, patchEncoder: encoders.imageEncoder };
    expect((await scoreFile({ ...request, signals, ...swapped })).asked).to.equal(10);
  });

  it("reward_gap is beta times how far the margins of two models are apart", async () => {
    const referenceModel = join(world.folder, "reference");
    const signals = ["reward_gap", "blind_margin", "tokens", "entropy"] as const;
    const { errors } = await scoreFile({ ...request, signals, referenceModel, modelErrors: true });
    const logps = async (model: string): Promise<QuadLogps[]> =>
      (await direct(model, [Signal.LOGPS])).map((score) => score.logps as QuadLogps);
    const margins = (of: readonly QuadLogps[]): number[] =>
      of.map(({ chosenGivenImages, rejectedGivenImages }) => chosenGivenImages - rejectedGivenImages);
    const quads = await logps(world.model);
    const [policy, reference] = [margins(quads), margins(await logps(referenceModel))];
    for (const [index, quad] of quads.entries()) {
      const mean =
        (quad.chosenGivenImages +
          quad.rejectedGivenRejectedImages -
          quad.rejectedGivenImages -
          quad.chosenGivenRejectedImages) /
        2;
      if (isComplete(index)) expect(errors[index]?.negative_margin).to.be.closeTo(-mean, 1e-4);
      else expect(errors[index]).to.equal(undefined);
    }
    for (const [index, row] of (await scored()).entries()) {
      if (!isComplete(index)) expect([row["reward_gap"], row["tokens"]]).to.deep.equal([null, null]);
      else {
        const gap = 0.1 * ((policy[index] as number) - (reference[index] as number));
        expect(row["reward_gap"]).to.be.closeTo(gap, 1e-5);
        expect(Math.abs(gap)).to.be.greaterThan(1e-4);
        expect(row["blind_margin"]).to.be.a("number");
        expect(row["tokens"]).to.satisfy((tokens: number) => Number.isInteger(tokens) && tokens > 4);
      }
    }
  });

  it("says in one line what is missing, before anything is measured", async () => {
    const fault = async (changes: Partial<ScoreFileRequest>): Promise<string> => {
      const never = { trainer: (): never => expect.fail("asked for a trainer") };
      const error = await scoreFile({ ...request, ...never, ...changes }).catch((cause: unknown) => cause);
      expect((error as Error).name).to.equal("UserError");
      expect((error as Error).message).not.to.include("\n");
      return (error as Error).message;
    };
    expect(await fault({ model: undefined })).to.include("expected the folder of one for entropy, image_similarity");
    const clip = { model: undefined, imageEncoder: join(world.folder, "clip") };
    expect(await fault(clip)).to.match(
      /for entropy, transport_distance: give --model, or --patch-encoder for transport_distance$/,
    );
    expect(await fault({ ...clip, signals: ["reward_gap"] })).to.include("for reward_gap: give --model");
    expect(await fault({ signals: ["reward_gap"] })).to.include("give --reference-model");
    expect(await fault({ uses: { likes: { sign: 1, weight: 1 } } })).to.include('column "likes" is missing');
    expect(await fault({ trim: 1 })).to.include("trim is 1");
    expect(await fault({ stages: 0 })).to.include("stages is 0");
    expect(await fault({ out: request.pairs })).to.include("which is the file that is read; name another");
    expect(await fault({ model: undefined, signals: [], modelErrors: true })).to.include("for wrong_margins, negative");
    expect(await fault({ pairs: join(world.folder, "none.parquet") })).to.include("cannot open");
    const broken = { ...(rows[0] as Row), images: [] };
    const pairs = join(world.folder, "broken.parquet");
    await writeTable(pairs, COLUMNS, [broken]);
    expect(await fault({ pairs })).to.include("images holds 0 pictures");
  });

  it("goes past pictures that cannot be read, and says which", async () => {
    const pairs = join(world.folder, "damaged.parquet");
    const [cut, broken] = [1, 5];
    const pictureOf = (row: Row): Buffer => Buffer.from((row["images"] as readonly Uint8Array[])[0] as Uint8Array);
    await writeTable(
      pairs,
      COLUMNS,
      rows.map((row, index) => {
        if (index === cut) return { ...row, images: [pictureOf(row).subarray(0, 40)] };
        if (index !== broken) return row;
        // Whole at both ends, without pixels between them.
        const bytes = pictureOf(row);
        return { ...row, rejected_images: [Buffer.from(bytes).fill(7, 45, bytes.length - 12)] };
      }),
    );
    const out = join(world.folder, "damaged-scored.parquet");
    const result = await scoreFile({ ...request, pairs, out, signals: [...request.signals, "image_difference"] });
    expect(result.unreadable.map(({ row, id }) => [row, id])).to.deep.equal([
      [cut, rows[cut]?.["id"]],
      [broken, rows[broken]?.["id"]],
    ]);
    for (const { reason } of result.unreadable) expect(reason).to.match(/^[^\n]+$/);
    for (const [index, row] of (await scored(out)).entries()) {
      const isAsked = isComplete(index) && index !== cut && index !== broken;
      expect(row["entropy"] !== null, `row ${index}`).to.equal(isAsked);
      expect(row["image_difference"] !== null, `row ${index}`).to.equal(
        index !== NO_PICTURE && index !== cut && index !== broken,
      );
      if (index !== NO_TEXT) expect(row["edit_distance"]).to.be.a("number");
    }
  });
});
