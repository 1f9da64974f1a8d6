import { expect } from "chai";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UserError } from "../../src/errors.js";
import type { Mode } from "../../src/evaluation/benchmark.js";
import type { EvalResult } from "../../src/evaluation/eval-result.js";
import { lmmsEvalArguments, type LmmsEvalRequest, runLmmsEval } from "../../src/evaluation/lmms-eval/lmms-eval.js";
import { parsePythonJson } from "../../src/files/python-json.js";
import { readResultsFile, type ResultsFile } from "../../src/evaluation/lmms-eval/results-file.js";
import { scoreTask } from "../../src/evaluation/lmms-eval/score-task.js";
import { PACKAGE_ROOT } from "../../src/package-root.js";
import { failure } from "../fixtures/rejection.js";

// Not run against the real lmms-eval, which is not installed here: the stand-in writes the format that its source
// (0.7.2) shows, figures and samples made by hand.

const pope = (prediction: string, truth: string) => {
  const record = { question_id: 1, score: prediction === truth ? 1 : 0, prediction, ground_truth: truth };
  return { pope_accuracy: record, pope_yes_ratio: record };
};
const amber = (chair: [number, number], cover: [number, number], free: number, cog: [number, number]) => {
  const counts = {
    ...{ chair_score: chair[0], chair_num: chair[1] + 0.001 },
    ...{ safe_cover_score: cover[0], safe_cover_num: cover[1] + 0.001 },
    ...{ non_hallu_score: free, non_hallu_num: 1.001 },
    ...{ hallu_cover_score: cog[0], hallu_cover_num: cog[1] + 0.001 },
  };
  return { amber_chair: counts, amber_cover: counts, amber_hal: counts, amber_cog: counts };
};
const cvBench = (source: string, right: boolean) => ({ cv_bench_acc: { id: 1, source, is_correct: right } });
const naturalBench = (id: number, score: number) => ({
  naturalbench_G_ACC: { id, score },
  naturalbench_Acc: { id, score },
});

const WORLD = {
  results: {
    pope: {
      // Two of five right; one of two said yes rightly; of three present objects one yes, one no, one "yes."; 3 of 5
      // labels are yes.
      figures: {
        "pope_accuracy,none": 0.4,
        "pope_accuracy_stderr,none": "N/A",
        "pope_accuracy_stderr_clt,none": 0.2449,
        "pope_precision,none": 0.5,
        "pope_recall,none": 0.5,
        "pope_f1_score,none": 0.5,
        "pope_yes_ratio,none": 0.6,
      },
      higher_is_better: { pope_accuracy: true, pope_yes_ratio: true },
    },
    amber_g: {
      figures: {
        "amber_chair,none": (100 * 3) / 8.002,
        "amber_cover,none": (100 * 5) / 10.002,
        "amber_hal,none": 100 - 100 / 2.002,
        "amber_cog,none": (100 * 1) / 4.002,
      },
      higher_is_better: { amber_chair: false, amber_cover: true, amber_hal: false, amber_cog: true },
    },
    cv_bench: { figures: { "cv_bench_acc,none": 2 / 6 }, higher_is_better: { cv_bench_acc: true } },
    naturalbench: {
      figures: {
        "naturalbench_G_ACC,none": 0.5,
        "naturalbench_Q_ACC,none": 0.75,
        "naturalbench_I_ACC,none": 0.75,
        "naturalbench_Acc,none": [],
        "naturalbench_Acc_stderr,none": [],
      },
      higher_is_better: { naturalbench_G_ACC: true },
    },
    scienceqa_img: { figures: { "exact_match,none": 2 / 3 }, higher_is_better: { exact_match: true } },
    seedbench: { figures: { "seed_all,none": 0.5 }, higher_is_better: { seed_all: true } },
    mmbench_en_dev: {
      figures: { "gpt_eval_score,none": 57.1, "broken,none": "<NaN>" },
      higher_is_better: { gpt_eval_score: true },
    },
    other_pope: { figures: { "pope_yes_ratio,none": 0.9 }, higher_is_better: {} },
  },
  samples: {
    pope: [pope("yes", "yes"), pope("yes", "no"), pope("no", "yes"), pope("no", "no"), pope("yes.", "yes")],
    amber_g: [amber([3, 5], [2, 6], 0, [1, 3]), amber([0, 3], [3, 4], 1, [0, 1])],
    cv_bench: [
      ...[cvBench("ADE20K", true), cvBench("ADE20K", false), cvBench("COCO", true)],
      ...[cvBench("Omni3D", false), cvBench("Omni3D", false), cvBench("Omni3D", false)],
    ],
    naturalbench: [1, 0, 0, 1, 1, 1, 0, 1].map((score, id) => naturalBench(id, score)),
    scienceqa_img: [{ exact_match: 1 }, { exact_match: 0 }, { exact_match: 1 }],
    seedbench: [{ seed_all: { pred: "A", answer: "a" } }, { seed_all: { pred: "B", answer: "A" } }],
    mmbench_en_dev: [{ gpt_eval_score: { index: 1, prediction: "A" } }],
    other_pope: [pope("yes", "yes")],
  },
};

describe("lmms-eval", () => {
  let folder: string;
  let file: ResultsFile;
  const request = (changes: Partial<LmmsEvalRequest> = {}): LmmsEvalRequest => ({
    command: join(PACKAGE_ROOT, "tests", "fixtures", "fake-lmms-eval.js"),
    modelType: "llava_hf",
    model: "/models/tiny",
    modelArgs: ["device=cpu"],
    tasks: Object.keys(WORLD.results),
    batchSize: 2,
    extra: ["--gen_kwargs", "temperature=0"],
    out: join(folder, "out"),
    ...changes,
  });
  const steps: [number, number][] = [];
  const run = (changes: Partial<LmmsEvalRequest> = {}, signal = new AbortController().signal): Promise<string[]> =>
    runLmmsEval(request(changes), (done, total) => void steps.push([done, total]), signal);
  const scored = (task: string, mode: Mode = "fixed"): Promise<EvalResult> => scoreTask(file, task, mode);

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "scpo-lmms-"));
    const world = join(folder, "world.json");
    await writeFile(world, JSON.stringify(WORLD));
    process.env["FAKE_LMMS_EVAL"] = world;
    const paths = await run();
    expect(paths).to.have.lengthOf(1);
    file = await readResultsFile(paths[0] as string);
  });

  after(async () => {
    delete process.env["FAKE_LMMS_EVAL"];
    await rm(folder, { recursive: true, force: true });
  });

  afterEach(() => delete process.env["FAKE_LMMS_EVAL_END"]);

  it("is run as its command line wants it, its progress heard", () => {
    expect(file.tasks).to.deep.equal(Object.keys(WORLD.results));
    expect(file.content.config).to.include({ model_args: "pretrained=/models/tiny,device=cpu" });
    expect(steps).to.deep.include([3, 6]);
    const args = lmmsEvalArguments(request({ limit: 4, tasks: ["a", "b"] }));
    expect(args.join(" ")).to.contain("--tasks a,b --batch_size 2 --limit 4 --output_path");
    expect(() => lmmsEvalArguments(request({ model: "/a,b" }))).to.throw(UserError, "splits at");
  });

  it("POPE: the yes ratio counts answers, and labels in strict mode", async () => {
    const fixed = await scored("pope");
    expect(fixed).to.include({ benchmark: "lmms-eval/pope", mode: "fixed", n: 5 });
    expect(fixed.metrics).to.deep.equal({
      pope_accuracy: 40,
      pope_precision: 50,
      pope_recall: 50,
      pope_f1_score: 50,
      pope_yes_ratio: 40,
    });
    expect((await scored("pope", "strict")).metrics["pope_yes_ratio"]).to.equal(60);
    // "yes." is right, and lmms-eval wants exactly "yes".
    expect(fixed.notes.join()).to.include('1 of 5 answers say yes or no but not exactly so (first "yes."): lmms-eval');
    const [low, high] = fixed.interval["pope_accuracy"] as [number, number];
    expect(low).to.be.lessThan(40);
    expect(high).to.be.greaterThan(40);
    expect(fixed.settings).to.include({ "lmms-eval": "0.7.2", "generation settings": "temperature=0" });
    expect(fixed.inputs["annotations/documents"]).to.match(/^[0-9a-f]{64}$/);
    expect(fixed.notes[0]).to.contain("pretrained=/models/tiny");
  });

  it("AMBER: Cog is better when lower, and the guard is not counted once an answer", async () => {
    const fixed = await scored("amber_g");
    expect(fixed.metrics).to.deep.equal({ amber_chair: 37.5, amber_cover: 50, amber_hal: 50, amber_cog: 25 });
    expect(fixed.about.find(({ name }) => name === "amber_cog")).to.include({ better: "lower" });
    const strict = await scored("amber_g", "strict");
    expect(strict.metrics["amber_chair"]).to.be.closeTo(300 / 8.002, 1e-9);
    expect(strict.about.find(({ name }) => name === "amber_cog")).to.include({ better: "higher" });
  });

  it("CV-Bench: the mean of 2D and 3D instead of the share of all questions", async () => {
    // ADE20K 1 of 2, COCO 1 of 1, Omni3D 0 of 3: ((50 + 100) / 2 + 0) / 2.
    expect((await scored("cv_bench")).metrics).to.deep.equal({
      cv_bench_acc: 37.5,
      "ADE20K/cv_bench_acc": 50,
      "COCO/cv_bench_acc": 100,
      "Omni3D/cv_bench_acc": 0,
    });
    expect((await scored("cv_bench", "strict")).metrics["cv_bench_acc"]).to.be.closeTo(100 / 3, 1e-9);
  });

  it("NaturalBench: the accuracy that is not printed", async () => {
    expect((await scored("naturalbench")).metrics).to.deep.equal({
      naturalbench_G_ACC: 50,
      naturalbench_Q_ACC: 75,
      naturalbench_I_ACC: 75,
      naturalbench_Acc: 87.5,
    });
    expect((await scored("naturalbench", "strict")).metrics["naturalbench_Acc"]).to.equal(null);
  });

  it("other tasks: as printed, with intervals where the figure is a mean of what the samples note", async () => {
    const science = await scored("scienceqa_img");
    expect(science.metrics["exact_match"]).to.be.closeTo(200 / 3, 1e-9);
    expect(science.interval["exact_match"]).not.to.equal(null);
    expect((await scored("seedbench")).metrics).to.deep.equal({ seed_all: 50 });
    const bench = await scored("mmbench_en_dev");
    expect(bench.metrics).to.deep.equal({ gpt_eval_score: 57.1 });
    expect(bench.interval).to.deep.equal({ gpt_eval_score: null });
    expect(bench.notes.join()).to.contain("no interval for gpt_eval_score");
  });

  it("mends nothing where the samples do not give what was printed", async () => {
    const result = await scored("other_pope");
    expect(result.metrics).to.deep.equal({ pope_yes_ratio: 0.9 });
    expect(result.notes.join()).to.contain("another version of lmms-eval");
  });

  it("goes without samples, without intervals", async () => {
    const alone = join(folder, "alone_results.json");
    await writeFile(alone, await readFile(file.path));
    const result = await scoreTask(await readResultsFile(alone), "pope", "fixed");
    expect(result).to.include({ n: 5 }).and.not.to.have.property("bootstrap");
    expect(result.metrics["pope_accuracy"]).to.equal(0.4);
    expect(result.notes.join()).to.contain("is missing");
  });

  it("says what is wrong with a run or a file", async () => {
    process.env["FAKE_LMMS_EVAL_END"] = "3";
    expect((await failure(run())).message)
      .to.contain("ended with code 3")
      .and.contain("Tasks not found: nonsense");
    process.env["FAKE_LMMS_EVAL_END"] = "silent";
    expect((await failure(run())).message)
      .to.contain("wrote no results")
      .and.contain("no such data set");
    expect(await failure(run({ command: "/no/such/lmms-eval" }))).to.be.instanceOf(UserError);
    process.env["FAKE_LMMS_EVAL_END"] = "wait";
    expect(await failure(run({}, AbortSignal.timeout(300)))).to.have.property("name", "AbortError");
    const path = join(folder, "wrong_results.json");
    for (const [text, part] of [
      ["nonsense", "is not JSON"],
      ["{}", "field results"],
      ['{"results":{"a":{}},"configs":{"a":{}}}', "field config"],
    ] as const) {
      await writeFile(path, text);
      const error = await failure(readResultsFile(path));
      expect(error).to.be.instanceOf(UserError).with.property("message").contains(part);
    }
    await writeFile(path, JSON.stringify({ ...file.content, configs: { pope: {} } }));
    const samples = join(folder, "wrong_samples_pope.jsonl");
    for (const [text, part] of [
      ["{}\n", "line 1: found no sample"],
      ['{"doc_id":0,"pope_accuracy":3}\n', "sample 0: field pope_accuracy is 3, expected an object"],
      ['{"doc_id":0}\n{"doc_id":0}\n', "line 2: field doc_id is 0 again"],
      ["", "is empty"],
    ] as const) {
      await writeFile(samples, text);
      const error = await failure(scoreTask(await readResultsFile(path), "pope", "fixed"));
      expect(error).to.be.instanceOf(UserError).with.property("message").contains(part).and.contains(samples);
    }
  });

  it("reads Python's JSON, where NaN is a number", () => {
    expect(parsePythonJson('{"a": NaN, "b": [-Infinity, "NaN \\" Infinity"]}')).to.deep.equal({
      a: null,
      b: [null, 'NaN " Infinity'],
    });
  });
});
