import { expect } from "chai";
import { appendFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ClientError, Status } from "nice-grpc";
import { bootEmbedded } from "../../src/backend/embedded.js";
import { type Trainer, TrainerExitedError } from "../../src/backend/trainer.js";
import { UserError } from "../../src/errors.js";
import type { Benchmark } from "../../src/evaluation/benchmark.js";
import { prepareRun, runBenchmark, type RunOutcome, type RunRequest } from "../../src/evaluation/run/run-benchmark.js";
import { renderScene } from "../../src/scenes/render.js";
import { evaluationLayouts } from "../../src/scenes/evaluation-scenes.js";
import { writeEvaluationScenes } from "../../src/scenes/world-files.js";
import { scenes } from "../../src/evaluation/scenes/scenes.js";
import { score } from "../../src/evaluation/score.js";
import { sha256File } from "../../src/files/sha256.js";
import { EMBEDDED_MODEL_FOLDER } from "../../src/package-root.js";
import { sceneBenchmark } from "../fixtures/scene-benchmark.js";
import { failure } from "../fixtures/rejection.js";

const SCENES = 6;
const BATCH = 4;

/** A line of the answer file. */
interface Row {
  question_id: number;
  question: string;
  answer: string;
}

describe("runBenchmark", function () {
  this.timeout(180_000);
  let folder: string;
  let images: string;
  let count: number;
  let trainer: Trainer;

  const request = (name: string, changes: Partial<RunRequest> = {}): RunRequest => ({
    benchmark: sceneBenchmark("jsonl"),
    model: EMBEDDED_MODEL_FOLDER,
    annotations: folder,
    images,
    out: join(folder, name),
    maxNewTokens: 6,
    batchSize: BATCH,
    ...changes,
  });

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "scpo-eval-run-"));
    images = join(folder, "images");
    await mkdir(images);
    const questions: string[] = [];
    let id = 0;
    for (const [index, layout] of [...evaluationLayouts("test", SCENES)].entries()) {
      await writeFile(join(images, `scene-${index}.png`), await renderScene(layout.scene));
      for (const { text } of layout.questions) {
        id += 1;
        questions.push(JSON.stringify({ question_id: id, image: `scene-${index}.png`, text }));
      }
    }
    count = id;
    await writeFile(join(folder, "questions.jsonl"), `${questions.join("\n")}\n`);
  });

  before(async () => {
    trainer = await boot();
  });

  after(async () => {
    await trainer.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const boot = (): Promise<Trainer> =>
    bootEmbedded({ roots: [EMBEDDED_MODEL_FOLDER, images], logPath: join(folder, "trainer.log"), threads: 1 });

  const run = async (asked: RunRequest): Promise<RunOutcome> => runBenchmark(trainer, await prepareRun(asked));

  it("writes each format, records how, and finds a complete file again", async () => {
    const outcome = await run(request("lines.jsonl"));
    expect(outcome).to.include({ resumed: 0, found: false });
    expect(outcome.settings.generation).to.deep.equal({ decoding: "greedy", maxNewTokens: 6, batchSize: BATCH });
    expect(outcome.settings.images.count).to.equal(SCENES);
    expect(outcome.settings.trainer?.versions).to.include.keys("torch", "transformers");
    expect(JSON.parse(await readFile(join(folder, "lines.jsonl.settings.json"), "utf8"))).to.deep.equal(
      outcome.settings,
    );
    expect(await run(request("lines.jsonl"))).to.include({ found: true });
    await run(request("array.json", { benchmark: sceneBenchmark("json-array") }));
    const lines = (await readFile(join(folder, "lines.jsonl"), "utf8")).trimEnd().split("\n");
    const array = JSON.parse(await readFile(join(folder, "array.json"), "utf8")) as Row[];
    expect(array).to.deep.equal(lines.map((line) => JSON.parse(line) as Row));
    await run(request("texts", { benchmark: sceneBenchmark("text-folder") }));
    const text = await readFile(join(folder, "texts", "scenes.txt"), "utf8");
    expect(text).to.equal(array.map((row) => `${row.question_id}\t${row.answer}\n`).join(""));
  });

  it("refuses to go on with other settings, or beside a file of unknown origin", async () => {
    const out = join(folder, "others.jsonl");
    const controller = new AbortController();
    const prepared = await prepareRun(request("others.jsonl"));
    const interrupted = runBenchmark(trainer, prepared, {
      signal: controller.signal,
      onProgress: (_, done) => done >= BATCH && controller.abort(),
    });
    await failure(interrupted);
    for (const [changes, part] of [
      [{ maxNewTokens: 7 }, "generation.maxNewTokens is 7, was 6"],
      [{ batchSize: 3 }, "generation.batchSize is 3, was 4"],
    ] as const) {
      const error = await failure(run(request("others.jsonl", changes)));
      expect(error).to.be.instanceOf(UserError).with.property("message").contains(part).and.contains(`${out}.partial`);
    }
    const kept = await readFile(`${out}.partial`, "utf8");
    await appendFile(`${out}.partial`, `{"prompt":${count},"answer":"Yes."}\n`);
    expect(await failure(run(request("others.jsonl"))))
      .property("message")
      .contains("is no answer to one of");
    await writeFile(`${out}.partial`, kept.replace("{", "["));
    expect(await failure(run(request("others.jsonl"))))
      .property("message")
      .contains("line 1: not JSON");
    await writeFile(`${out}.partial`, kept);
    expect(await run(request("others.jsonl"))).to.include({ resumed: BATCH, found: false });
    expect(await failure(run(request("others.jsonl", { maxNewTokens: 9 }))))
      .property("message")
      .contains("maxNewTokens");
    await writeFile(join(folder, "foreign.jsonl"), "{}\n");
    expect(await failure(run(request("foreign.jsonl"))))
      .property("message")
      .contains("how it came about");
  });

  it("names what is missing before anything is asked", async () => {
    const benchmark = sceneBenchmark("jsonl");
    const asking = (image: string): Benchmark => ({
      ...benchmark,
      // eslint-disable-next-line @typescript-eslint/require-await
      async *prompts() {
        yield { id: 7, image, text: "Is there a dog in the picture?" };
      },
    });
    for (const [changes, part] of [
      [{ images: join(folder, "none") }, "is no folder"],
      [{ benchmark: asking("none.png") }, "1 of 1 are missing in"],
      [{ benchmark: asking("../trainer.log") }, "expected a path within"],
      [{ benchmark: asking("/etc/hostname") }, "expected a path within"],
      [{ model: join(folder, "none") }, "model: "],
      [{ benchmark: { ...benchmark, prompts: undefined } as unknown as Benchmark }, "hold no questions"],
    ] as const) {
      const error = await failure(prepareRun(request("missing.jsonl", changes)));
      expect(error).to.be.instanceOf(UserError).with.property("message").contains(part);
    }
    await writeFile(join(images, "damaged.png"), "no picture");
    const error = await failure(run(request("damaged.jsonl", { benchmark: asking("damaged.png") })));
    expect(error).to.be.instanceOf(UserError).with.property("message").contains("damaged.png");
  });

  it("asks about a part of the images, the same for every model, another for another seed", async () => {
    const ask = async (images: number, seed: number) => {
      const { questions, images: found } = await prepareRun(request("part.jsonl", { sample: { images, seed } }));
      expect(found.paths.size).to.equal(images);
      return questions.prompts.map(({ id }) => id);
    };
    const two = await ask(2, 0);
    expect(two).to.deep.equal([...two].sort((a, b) => Number(a) - Number(b)));
    expect(await ask(2, 0)).to.deep.equal(two);
    expect(await ask(3, 0)).to.include.members(two);
    const others = await Promise.all([1, 2, 3, 4].map((seed) => ask(2, seed)));
    expect(others.some((other) => String(other) !== String(two))).to.equal(true);
    expect(await ask(SCENES, 0)).to.have.lengthOf(count);
    expect(await failure(ask(SCENES + 1, 0)))
      .to.be.instanceOf(UserError)
      .with.property("message")
      .contains("at most the benchmark's 6 images");
  });

  it("says what to do when the device has too little memory", async () => {
    const prepared = await prepareRun(request("large.jsonl"));
    const starved: Trainer = {
      ...trainer,
      client: {
        ...trainer.client,
        loadModel: (asked, options) => trainer.client.loadModel(asked, options),
        // eslint-disable-next-line @typescript-eslint/require-await
        async *generate() {
          throw new ClientError("/scpo.v1.TrainerService/Generate", Status.INTERNAL, "OutOfMemoryError: out of memory");
        },
      },
    };
    expect(await failure(runBenchmark(starved, prepared)))
      .to.be.instanceOf(UserError)
      .with.property("message")
      .contains("batch size: found 4")
      .and.contains("smaller --batch-size");
  });

  it("asks about drawn scenes whose file holds the pictures, as about the same pictures in a folder", async () => {
    const annotations = join(images, "test.parquet");
    await writeEvaluationScenes(annotations, { split: "test", count: SCENES });
    const asked = { benchmark: scenes, annotations, images: undefined, maxNewTokens: 24, batchSize: 250 };
    const { settings } = await run(request("drawn.jsonl", asked));
    expect(settings.images).to.deep.include({ count: SCENES, sha256: await sha256File(annotations) });
    const { questions } = await prepareRun(request("drawn.jsonl", asked));
    const pictures: Benchmark = {
      ...sceneBenchmark("jsonl"),
      // eslint-disable-next-line @typescript-eslint/require-await
      async *prompts() {
        for (const { id, row, text } of questions.prompts) yield { id, image: `scene-${row}.png`, text };
      },
    };
    const same = { benchmark: pictures, maxNewTokens: 24, batchSize: 250 };
    await run(request("pictures.jsonl", same));
    const said = async (name: string) =>
      (await readFile(join(folder, name), "utf8"))
        .trimEnd()
        .split("\n")
        .map((line) => (JSON.parse(line) as Row).answer);
    expect(await said("drawn.jsonl")).to.deep.equal(await said("pictures.jsonl"));
    const result = await score({ benchmark: scenes, annotations, answers: join(folder, "drawn.jsonl") });
    expect(result.n).to.equal(questions.prompts.length);
    // The model that ships answers most questions right, and names what is absent in most captions.
    expect(result.metrics["accuracy"]).to.be.above(60);
    expect(result.metrics["cover"]).to.be.above(60);
    await rm(join(folder, "drawn.jsonl"));
    const error = await failure(run(request("drawn.jsonl", { ...asked, images })));
    expect(error).to.be.instanceOf(UserError).with.property("message").contains("leave it out");
  });

  it("asks questions without an image as text alone", async () => {
    const benchmark: Benchmark = {
      ...sceneBenchmark("jsonl"),
      // eslint-disable-next-line @typescript-eslint/require-await
      async *prompts() {
        yield { id: 1, image: "", text: "Is there a dog in the picture?" };
        yield { id: 2, image: "scene-0.png", text: "Is there a dog in the picture?" };
      },
    };
    const { settings } = await run(request("mixed.jsonl", { benchmark }));
    expect(settings.images.count).to.equal(1);
    expect((await readFile(join(folder, "mixed.jsonl"), "utf8")).trimEnd().split("\n")).to.have.lengthOf(2);
  });

  it("goes on with another trainer after its own was killed", async () => {
    const prepared = await prepareRun(request("orphan.jsonl"));
    const error = await failure(
      runBenchmark(trainer, prepared, {
        onProgress: (_, done) => done === 2 * BATCH && process.kill(trainer.description.processId, "SIGKILL"),
      }),
    );
    expect(error).to.be.instanceOf(TrainerExitedError);
    await trainer.exited;
    trainer = await boot();
    expect(await run(request("orphan.jsonl"))).to.include({ resumed: 2 * BATCH });
    await run(request("whole.jsonl"));
    expect(await readFile(join(folder, "orphan.jsonl"), "utf8")).to.equal(
      await readFile(join(folder, "whole.jsonl"), "utf8"),
    );
  });
});
