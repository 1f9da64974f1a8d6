import { expect } from "chai";
import fc from "fast-check";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Scored } from "../../src/evaluation/benchmark.js";
import type { EvalResult } from "../../src/evaluation/eval-result.js";
import { benchmarkNamed } from "../../src/evaluation/registry.js";
import { imageFolder } from "../../src/evaluation/run/images.js";
import { readQuestions } from "../../src/evaluation/run/questions.js";
import { captionMistakes } from "../../src/evaluation/scenes/figures.js";
import { captionsOf } from "../../src/evaluation/scenes/scenes.js";
import { evalResult, score } from "../../src/evaluation/score.js";
import { CAPTION_WORDS, captionOf } from "../../src/scenes/caption.js";
import { evaluationLayouts } from "../../src/scenes/evaluation-scenes.js";
import { OBJECTS } from "../../src/scenes/objects.js";
import { differentNames } from "../../src/scenes/scene.js";
import { readEvaluationScenes, writeEvaluationScenes } from "../../src/scenes/world-files.js";
import { countScenes, type MadeUpScene, type Said } from "../fixtures/made-up-scenes.js";
import { failure } from "../fixtures/rejection.js";

const scenes = benchmarkNamed("scenes");
const NAMES = ["dog", "car", "tree", "panda"];

const SCENES: MadeUpScene[] = [
  { objects: ["dog", "car"], truths: ["Yes.", "No."] },
  { objects: ["dog"], truths: ["Yes.", "No."] },
  { objects: ["tree", "car", "dog"], truths: ["Yes.", "No."] },
];
const SAID: Said[] = [
  { caption: "a dog, a tree and a tree.", answers: ["Yes.", "Yes."] },
  { caption: "a dog.", answers: ["no", "No."] },
  { caption: "a tree and a car.", answers: ["Maybe.", "No."] },
];

const resultOf = (scored: Scored): EvalResult =>
  evalResult("scenes", "fixed", scored, { inputs: {}, settings: {}, notes: [] });
const resultFor = (truth: readonly MadeUpScene[], said: readonly Said[]) => resultOf(countScenes(truth, said));

const drawn = fc.record({
  objects: fc.uniqueArray(fc.constantFrom(...NAMES), { minLength: 1, maxLength: 3 }),
  caption: fc.array(fc.constantFrom(...NAMES, "a", "and"), { maxLength: 6 }).map((words) => words.join(" ")),
  truths: fc.array(fc.constantFrom("Yes." as const, "No." as const), { minLength: 2, maxLength: 2 }),
  answers: fc.array(fc.constantFrom("Yes.", "No.", "", "a dog"), { minLength: 2, maxLength: 2 }),
});

describe("figures of scenes", () => {
  it("agree with counting by hand", () => {
    const { metrics, n } = resultFor(SCENES, SAID);
    expect(n).to.equal(9);
    const percent = (part: number, whole: number) => 100 * (part / whole);
    // Captions: only the first names something absent (tree, twice); 6 mentions; dog, dog, tree, car of 6 present.
    expect(metrics).to.include({ chair_s: percent(1, 3), chair_i: percent(2, 6), cover: percent(4, 6) });
    // One caption and one "Yes." to what is not so, of 3 captions and 6 yes/no answers.
    expect(metrics).to.include({ hal: percent(2, 9) });
    // Right: the first of the first scene, the second of the others. TP 1, FP 1, FN 2 ("no", and neither).
    expect(metrics).to.include({ accuracy: percent(3, 6), f1: percent(2, 2 + 1 + 2), yes_ratio: percent(2, 6) });
  });

  it("tell kinds of questions apart where more than presence is asked for", () => {
    const plain = resultFor(SCENES, SAID);
    expect(Object.keys(plain.metrics).filter((name) => name.includes("/"))).to.deep.equal([]);
    const mixed = resultFor(
      SCENES.map((scene) => ({ ...scene, kinds: ["count", "attribute"] as const })),
      SAID,
    );
    // Right: "Yes." of the first questions; the second and the third "No." ("Maybe." and "no" to what is so are wrong).
    expect(mixed.metrics).to.deep.equal({
      ...plain.metrics,
      "count/accuracy": 100 * (1 / 3),
      "attribute/accuracy": 100 * (2 / 3),
    });
  });

  it("have intervals by kind as wide as the theory says", () => {
    const truth = Array.from({ length: 400 }, (): MadeUpScene => ({
      ...{ objects: ["dog"], truths: ["Yes."], kinds: ["position"] },
    }));
    const said = truth.map((_, at) => ({ caption: "a dog.", answers: [at % 4 === 0 ? "No." : "Yes."] }));
    const [low, high] = resultFor(truth, said).interval["position/accuracy"] as [number, number];
    // Standard error of a share of 3/4 over 400 questions: 0.0217.
    expect(high - low).to.be.closeTo(100 * 2 * 1.96 * Math.sqrt(3 / 16 / 400), 1.2);
    expect((high + low) / 2).to.be.closeTo(75, 1);
  });

  it("are null, not NaN, where nothing is there to be divided by", () => {
    const { metrics, interval } = resultFor(
      SCENES.map(({ objects }) => ({ objects })),
      SCENES.map(() => ({ caption: "nothing at all" })),
    );
    expect(metrics).to.include({ chair_i: null, accuracy: null, f1: null, yes_ratio: null, chair_s: 0, cover: 0 });
    expect(interval["chair_i"]).to.equal(null);
  });

  it("lie in 0 to 100 and do not depend on the order of the answers", () => {
    fc.assert(
      fc.property(fc.array(drawn, { minLength: 1, maxLength: 12 }), fc.nat(), (all, turn) => {
        const one = countScenes(all, all);
        const turned = all.map((_, at) => all[(at + turn) % all.length] as (typeof all)[number]);
        const figures = one.figures(one.sheet.totals());
        const other = countScenes(turned, turned);
        expect(other.figures(other.sheet.totals())).to.deep.equal(figures);
        for (const { name } of one.metrics) {
          const value = figures[name] ?? null;
          if (value !== null) expect(value, name).to.be.within(0, 100);
        }
      }),
      { numRuns: 50 },
    );
  });

  it("count the mistakes of a caption", () => {
    const { sheet } = countScenes(SCENES, SAID);
    // Two mentions of an absent tree and a car that is missed; none; a dog that is missed.
    expect([0, 1, 2].map((scene) => captionMistakes(sheet, `scene-${scene}`))).to.deep.equal([3, 0, 1]);
  });

  it("count malformed captions", () => {
    const captions = [
      "a dog and a panda.",
      // Foreign: two words run together; nothing is named twice.
      "A dog andtrees pandas.",
      // Foreign, and the dog twice, once in the plural.
      "exactly two dogs, a dog and a pizza.",
      // The pizza twice, once run together with another word: foreign as well.
      "a pizza andpizza",
      "",
    ];
    const { metrics } = resultFor(
      captions.map(() => ({ objects: ["dog"] })),
      captions.map((caption) => ({ caption })),
    );
    expect(metrics).to.include({ foreign: 100 * (3 / 5), repeating: 100 * (2 / 5), words: (5 + 4 + 8 + 3) / 5 });
  });

  it("find nothing wrong with true captions", () => {
    const layouts = [...evaluationLayouts("test", 500)].map(({ scene }) => scene);
    const truth = layouts.map((scene) => ({ objects: differentNames(scene) }));
    const every = OBJECTS.map(({ name }) => ({ objects: [name] }));
    const said = [
      ...layouts.map((scene) => ({ caption: captionOf(differentNames(scene), scene) })),
      ...every.map(({ objects }) => ({ caption: captionOf(objects) })),
    ];
    const { metrics } = resultFor([...truth, ...every], said);
    expect(metrics).to.include({ chair_s: 0, chair_i: 0, cover: 100, foreign: 0, repeating: 0 });
    for (const word of ["one", "exactly", "there", "is", "left", "picture", "no", "yes", "of"])
      expect(CAPTION_WORDS.has(word), word).to.equal(false);
  });
});

describe("a file of scenes", () => {
  const COUNT = 8;
  let folder: string;
  let annotations: string;
  let answers: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "scpo-scenes-"));
    annotations = join(folder, "test.parquet");
    answers = join(folder, "answers.jsonl");
    await writeEvaluationScenes(annotations, { split: "test", count: COUNT });
  });
  after(() => rm(folder, { recursive: true, force: true }));

  async function rows(say: (id: string) => string): Promise<{ question_id: string; answer: string }[]> {
    const { prompts } = await readQuestions(scenes, annotations);
    return prompts.map((prompt) => scenes.answerRow?.(prompt, say(String(prompt.id)))) as Awaited<
      ReturnType<typeof rows>
    >;
  }
  const scoreOf = async (given: readonly object[]): Promise<EvalResult> => {
    await writeFile(answers, given.map((row) => `${JSON.stringify(row)}\n`).join(""));
    return score({ benchmark: scenes, annotations, answers });
  };

  it("asks for every caption first and for everything that is known of every scene", async () => {
    const truth = await readEvaluationScenes(annotations);
    const { prompts } = await readQuestions(scenes, annotations);
    expect(prompts).to.have.lengthOf(COUNT + truth.reduce((sum, { questions }) => sum + questions.length, 0));
    expect(prompts.slice(0, COUNT).map(({ text, row }) => [text, row])).to.deep.equal(
      truth.map(({ row }) => ["Describe the picture.", row]),
    );
    const lengths = prompts.slice(COUNT).map(({ text }) => text.length);
    expect(lengths).to.deep.equal([...lengths].sort((a, b) => a - b));
    for (const { image, row } of prompts) expect(truth[row ?? -1]?.id).to.equal(image);
  });

  it("gives right answers all points, and names its file", async () => {
    const truth = new Map((await readEvaluationScenes(annotations)).map((scene) => [scene.id, scene]));
    const result = await scoreOf(
      await rows((id) => {
        const [scene = "", at = ""] = id.split("/");
        const { objects = [], questions = [] } = truth.get(scene) ?? {};
        return at === "caption" ? captionOf([...new Set(objects)]) : (questions[Number(at)]?.answer ?? "");
      }),
    );
    expect(result.metrics).to.include({ chair_s: 0, chair_i: 0, cover: 100, hal: 0, accuracy: 100, f1: 100 });
    expect(Object.keys(result.inputs)).to.deep.equal(["annotations/test.parquet", "answers/answers.jsonl"]);
    expect(result.bootstrap?.images).to.equal(COUNT);
    expect(result.notes).to.deep.equal([]);
  });

  it("finds the captions among the answers", async () => {
    const captions = captionsOf(await rows((id) => `said of ${id}`));
    expect(captions.size).to.equal(COUNT);
    expect(captions.get("test-00003")).to.equal("said of test-00003/caption");
  });

  it("refuses answers that are missing, come twice or belong to other scenes", async () => {
    const all = await rows(() => "Yes.");
    const [first] = all as [(typeof all)[number], ...typeof all];
    const message = async (given: readonly object[]) => (await failure(scoreOf(given))).message;
    expect(await message(all.slice(1))).to.match(
      /answers\.jsonl: found \d+ of \d+ answers, missing "test-00000\/caption"/,
    );
    expect(await message([...all, first])).to.match(/line \d+: field question_id is "test-00000\/caption" again/);
    expect(await message([{ ...first, question_id: "dog" }])).to.match(/line 1: field question_id is "dog", expected/);
    expect(await message([{ ...first, question: "Why?" }])).to.match(/line 1: field question is "Why\?", expected/);
    expect(await message([{ question_id: first.question_id }])).to.match(/line 1: field answer is missing/);
  });

  it("says in a line when it is missing or no file of scenes, or when images are named beside it", async () => {
    const missing = await failure(readQuestions(scenes, join(folder, "none.parquet")));
    expect(missing.message).to.match(/none\.parquet: no such file; expected drawn evaluation scenes/);
    expect((await failure(readQuestions(scenes, answers))).message).to.match(
      /answers\.jsonl is not a complete Parquet/,
    );
    expect(() => imageFolder(scenes, annotations, folder, "--images")).to.throw(/^--images is .*: leave it out$/);
    expect(imageFolder(scenes, annotations, undefined, "--images")).to.equal(folder);
    expect(() => imageFolder(benchmarkNamed("pope"), folder, undefined, "--images")).to.throw(
      "--images is missing; expected the folder with the images of pope",
    );
  });
});
