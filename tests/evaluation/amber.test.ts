import { expect } from "chai";
import fc from "fast-check";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { amber, amberDiscriminative, amberGenerative } from "../../src/evaluation/amber/amber.js";
import { readAnswer } from "../../src/evaluation/amber/discriminative.js";
import { VocabularyNouns } from "../../src/evaluation/amber/nouns.js";
import { roundToTenth } from "../../src/evaluation/amber/rounding.js";
import { score, type ScoreRequest } from "../../src/evaluation/score.js";
import { complaintOf } from "../fixtures/rejection.js";

const RELATION = {
  sky: [],
  woman: ["person", "girl"],
  person: ["woman", "man"],
  tree: ["forest"],
  dog: ["puppy"],
  cloud: [],
  sunglasses: [],
  light: [],
};

const ITEMS = [
  // "person" stands for the woman before it stands for itself; of two trees only one can be found.
  { id: 1, type: "generative", truth: ["woman", "person", "tree", "tree"], hallu: ["dog", "cloud"] },
  { id: 2, type: "generative", truth: ["sky", "dog"], hallu: ["cloud"] },
  { id: 3, type: "discriminative-hallucination", truth: "no" },
  { id: 4, type: "discriminative-attribute-state", truth: "yes" },
  { id: 5, type: "discriminative-attribute-state", truth: "no" },
  { id: 6, type: "relation", truth: "no" },
  { id: 7, type: "discriminative-relation", truth: "yes" },
];

describe("AMBER", () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "scpo-amber-"));
    await write("data/annotations.json", ITEMS);
    await write("data/relation.json", RELATION);
    await writeFile(join(folder, "data/safe_words.txt"), "light\n");
    await write(
      "data/query/query_all.json",
      ITEMS.map(({ id }) => ({ id, image: `AMBER_${id % 2}.jpg`, query: `Question ${id}?` })),
    );
  });
  after(() => rm(folder, { recursive: true, force: true }));

  async function write(name: string, content: unknown): Promise<void> {
    await mkdir(join(folder, name, ".."), { recursive: true });
    await writeFile(join(folder, name), JSON.stringify(content));
  }

  async function scored(answers: Record<number, unknown> | unknown[], request: Partial<ScoreRequest> = {}) {
    const rows = Array.isArray(answers)
      ? answers
      : Object.entries(answers).map(([id, response]) => ({ id: Number(id), response }));
    await write("answers.json", rows);
    const answersPath = join(folder, "answers.json");
    return score({ benchmark: amberGenerative, annotations: folder, answers: answersPath, ...request });
  }

  const complaint = (action: Promise<unknown>): Promise<string> => complaintOf(action, folder);

  describe("descriptions", () => {
    it("count as in the official script when strict", async () => {
      const { metrics, n } = await scored({ 1: "person tree light cloud .", 2: "sky man ." }, { mode: "strict" });
      expect(n).to.equal(2);
      expect(metrics).to.deep.equal({
        // Of six nouns cloud and man are absent; light is safe.
        chair: 33.3,
        // The woman, a tree and the sky, of six things.
        cover: 50,
        hal: 100,
        // The cloud, of three imagined things.
        cog: 33.3,
      });
    });

    it("count each thing once and by its own name when fixed", async () => {
      const { metrics } = await scored({ 1: "person tree light cloud .", 2: "sky man ." }, { mode: "fixed" });
      // The person itself, the tree and the sky, of woman, person, tree, sky and dog.
      expect(metrics).to.deep.equal({ chair: 200 / 6, cover: 60, hal: 100, cog: 100 / 3 });
    });

    it("are undefined where nothing is named", async () => {
      for (const mode of ["strict", "fixed"] as const) {
        const { metrics } = await scored({ 1: "", 2: "It is nice." }, { mode });
        expect(metrics).to.deep.equal({ chair: null, cover: 0, hal: 0, cog: 0 });
      }
    });

    it("take nouns of sentences and words of lists", () => {
      const vocabulary = new Set(["sky", "tree", "woman", "dog", "sunglasses", "light"]);
      const nouns = (text: string, mode: "strict" | "fixed", finding: "auto" | "tagged" = "auto"): string[] =>
        new VocabularyNouns(vocabulary, mode, finding).nouns(text);
      expect(nouns("A woman with sunglasses walks her dogs under the trees.", "strict")).to.deep.equal([
        "woman",
        "dog",
        "tree",
      ]);
      expect(nouns("A woman with sunglasses walks her dogs.", "fixed")).to.deep.equal(["woman", "sunglasses", "dog"]);
      expect(nouns("The candle can light the room.", "strict")).to.deep.equal([]);
      expect(nouns("sunglasses, dogs, table, light .", "strict")).to.deep.equal(["sunglasses", "dog", "light"]);
      expect(nouns("sunglasses dogs .", "strict", "tagged")).to.deep.equal(["dog"]);
      expect(nouns("Dogs. SKY!", "fixed")).to.deep.equal(["dog", "sky"]);
      expect(nouns("", "strict")).to.deep.equal([]);
      expect(nouns("犬 🙂 ...", "fixed")).to.deep.equal([]);
    });

    it("take similar words from a table of pairs or of vectors", async () => {
      const answers = { 1: "puppy sky .", 2: "dog ." };
      const settings = async (similarity?: string) => {
        const options = similarity === undefined ? {} : { similarity: join(folder, similarity) };
        return scored(answers, { mode: "strict", options });
      };
      const without = await settings();
      // 2 / 3.001.
      expect(without.metrics).to.include({ chair: 66.6, cog: 33.3 });
      expect(without.settings["similarity"]).to.equal("equal words");
      // The sky is like a tree, so it is none; 0.8 itself is too little for a puppy to be like a person.
      await writeFile(join(folder, "pairs.tsv"), "word\tword\tsimilarity\nsky\ttree\t0.81\npuppy\tperson\t0.8\n");
      const pairs = await settings("pairs.tsv");
      expect(pairs.metrics).to.include({ chair: 33.3, cog: 33.3 });
      expect(pairs.settings["similarity"]).to.equal("table");
      expect(Object.keys(pairs.inputs)).to.have.length(6);
      await writeFile(join(folder, "vectors.txt"), "3 2\nsky 1 0\ntree 2 0.1\nperson 0 0\nzebra 1 1\n");
      expect((await settings("vectors.txt")).metrics).to.include({ chair: 33.3 });
      await writeFile(join(folder, "bad.txt"), "sky tree 0.9\nsky tree\n");
      expect(await complaint(settings("bad.txt"))).to.match(/bad.txt line 2: is "sky tree"/);
    });
  });

  describe("answers", () => {
    it("are read exactly when strict, by word when fixed", () => {
      const cases: [text: string, strict: string | null, fixed: string | null][] = [
        ["Yes", "yes", "yes"],
        ["No", "no", "no"],
        ["yes.", null, "yes"],
        ["NO, it is not.", null, "no"],
        [" No\n", null, "no"],
        ["There isn't.", null, "no"],
        ["The dog is there. No cat is.", null, null],
        ["Nothing", null, "no"],
        ["It is unclear", null, null],
        ["", null, null],
        ["\u3000?", null, null],
      ];
      for (const [text, strict, fixed] of cases) {
        expect(readAnswer(text, "strict"), text).to.equal(strict);
        expect(readAnswer(text, "fixed"), text).to.equal(fixed);
      }
    });

    it("count with no as the positive class", async () => {
      const answers = { 3: "No", 4: "No", 5: "yes.", 6: "No", 7: "Yes" };
      const benchmark = amberDiscriminative;
      const { metrics: strict, notes } = await scored(answers, { benchmark, mode: "strict" });
      expect(notes[0]).to.equal(
        '1 answer (first element 3: "yes.") the official script reads otherwise than by word, as strict mode does; ' +
          "fixed mode reads the words",
      );
      // Right: 3, 6, 7. Said no: 3, 4, 6, of which 3 and 6 rightly. True no: 3, 5, 6.
      expect(strict).to.include({ accuracy: 60, precision: 66.6, recall: 66.6 });
      // 2 · 0.666² / (2 · 0.666 + 0.0001) = 66.595 %.
      expect(strict["f1"]).to.equal(66.6);
      // 2 / (2 + 0.001) = 99.95 %.
      expect(strict["existence/f1"]).to.be.oneOf([99.9, 100]);
      expect(strict["state/f1"]).to.equal(0);
      const fixed = (await scored(answers, { benchmark, mode: "fixed" })).metrics;
      expect(fixed).to.include({
        accuracy: 60,
        "existence/f1": 100,
        "relation/accuracy": 100,
        "attribute/accuracy": 0,
      });
      expect(fixed["f1"]).to.equal(200 / 3);
      expect(fixed["number/accuracy"]).to.equal(null);
    });

    it("have no precision when none says no", async () => {
      const { metrics } = await scored(
        { 3: "Yes", 4: "Yes", 5: "Yes", 6: "Yes", 7: "Yes" },
        { benchmark: amberDiscriminative, mode: "strict" },
      );
      expect(metrics).to.include({ accuracy: 40, precision: null, recall: 0, f1: 0 });
    });
  });

  it("joins both in its score", async () => {
    const answers = { 1: "woman .", 2: "cloud .", 3: "No", 4: "Yes", 5: "No", 6: "No", 7: "Yes" };
    const { metrics, n } = await scored(answers, { benchmark: amber });
    expect(n).to.equal(7);
    expect(metrics).to.include({ chair: 50, f1: 100, amber_score: 75 });
  });

  it("says what is not answered", async () => {
    const some = { 1: "woman .", 3: "No" };
    const partly = await scored(some, { mode: "strict" });
    expect(partly.n).to.equal(1);
    expect(partly.notes).to.include("questions without an answer: 1 generative");
    expect(partly.notes).to.include("1 answers to other questions of AMBER were left out");
    expect(await complaint(scored(some, { mode: "fixed" }))).to.match(/without an answer: 1 generative, first id 2;/);
    // A kind of questions alone is a part that the official script scores as well.
    const one = await scored({ 3: "No" }, { mode: "fixed", benchmark: amberDiscriminative });
    expect(one.metrics).to.include({ "existence/accuracy": 100, "relation/accuracy": null });
    expect(await complaint(scored({ 1: "a" }, { benchmark: amberDiscriminative }))).to.match(/holds no answer to/);
  });

  it("names what is wrong", async () => {
    const cases: [rows: unknown[], message: RegExp][] = [
      [[{ response: "a" }], /answers.json element 1: field id is missing/],
      [[{ id: 1 }], /element 1: field response is missing/],
      [[{ id: 1, response: null }], /element 1: field response is null/],
      [[{ id: 8, response: "a" }], /element 1: field id is "8", an answer too many: the annotations go from 1 to 7/],
      [
        [
          { id: 1, response: "a" },
          { id: "1", response: "b" },
        ],
        /element 2: field id is "1" again, first on element 1/,
      ],
      [[5], /element 1: found 5/],
    ];
    for (const [rows, message] of cases) {
      for (const benchmark of [amber, amberGenerative, amberDiscriminative]) {
        expect(await complaint(scored(rows, { benchmark }))).to.match(message);
      }
    }
    expect(await complaint(scored({ 1: "a" }, { options: { nouns: "x" } }))).to.match(/option nouns is "x"/);
  });

  it("names what is wrong with the annotations", async () => {
    const broken: [name: string, content: unknown, message: RegExp][] = [
      ["relation.json", { sky: "x" }, /relation.json: field sky/],
      ["relation.json", { sky: [] }, /element 1: holds the word "woman", which relation.json does not/],
      ["annotations.json", [{ ...ITEMS[0], id: 9 }], /element 1: field id is 9, expected 1/],
      ["annotations.json", [{ id: 1, type: "other", truth: "yes" }], /element 1: is .*, expected id, type and truth/],
      [
        "annotations.json",
        [{ id: 1, type: "relation", truth: "maybe" }],
        /element 1: is .*, expected id, type and truth/,
      ],
      ["query/query_all.json", [], /field id is 1, which the questions do not hold/],
    ];
    for (const [at, [name, content, message]] of broken.entries()) {
      const other = join(`other-${at}`, "data");
      await write(join(other, "annotations.json"), ITEMS);
      await write(join(other, "relation.json"), RELATION);
      await writeFile(join(folder, other, "safe_words.txt"), "light\n");
      await write(
        join(other, "query", "query_all.json"),
        ITEMS.map(({ id }) => ({ id, image: "a", query: "b" })),
      );
      await write(join(other, name), content);
      expect(await complaint(scored({ 1: "a" }, { annotations: join(folder, other) }))).to.match(message);
    }
  });

  it("asks its own questions", async () => {
    const ids = async (benchmark: typeof amber): Promise<(string | number)[]> => {
      const found = [];
      for await (const prompt of benchmark.prompts?.(folder) ?? []) found.push(prompt.id);
      return found;
    };
    expect(await ids(amberGenerative)).to.deep.equal([1, 2]);
    expect(await ids(amberDiscriminative)).to.deep.equal([3, 4, 5, 6, 7]);
    expect(await ids(amber)).to.have.length(7);
    expect(amber.answerRow?.({ id: 3, image: "a.jpg", text: "b" }, "No")).to.deep.equal({ id: 3, response: "No" });
  });

  it("rounds as Python does", () => {
    // Halves that a binary number holds exactly go to the even digit.
    for (const [value, rounded] of [
      [0.25, 0.2],
      [0.75, 0.8],
      [12.25, 12.2],
      [99.75, 99.8],
      [0.35, 0.3],
      [33.33, 33.3],
    ]) {
      expect(roundToTenth(value as number), String(value)).to.equal(rounded);
    }
    fc.assert(
      fc.property(fc.double({ min: 0, max: 100, noNaN: true }), (x) => Math.abs(roundToTenth(x) - x) < 0.0500001),
    );
  });
});

describe("AMBER against published figures", function () {
  this.timeout(120_000);
  const fixtures = process.env["SCPO_FIXTURES"] ?? "";
  before(function () {
    if (fixtures === "") this.skip();
  });

  const figures = async (benchmark: typeof amber, answers: string) => {
    const request = { annotations: join(fixtures, "amber"), answers: join(fixtures, "amber", "answers", answers) };
    // These answers are lists of nouns, which no tagger is made for.
    const options = benchmark === amberGenerative ? { nouns: "auto" } : {};
    return (await score({ benchmark, mode: "strict", options, ...request })).metrics;
  };

  it("of descriptions", async () => {
    expect(await figures(amberGenerative, "gtruth.json")).to.deep.equal({ chair: 0, cover: 93.3, hal: 0, cog: 0 });
    const metrics = await figures(amberGenerative, "g2t1h.json");
    expect(metrics).to.deep.equal({ chair: 30.8, cover: 35.7, hal: 92.5, cog: 18.9 });
  });

  it("of questions", async () => {
    expect(await figures(amberDiscriminative, "allyes.json")).to.include({ accuracy: 33.7, f1: 0 });
    expect(await figures(amberDiscriminative, "allno.json")).to.include({
      accuracy: 66.3,
      precision: 66.3,
      recall: 100,
      f1: 79.7,
      "attribute/f1": 66.7,
      "relation/accuracy": 41.4,
      "relation/f1": 58.6,
    });
    const mixed = await figures(amberDiscriminative, "mod3.json");
    expect(mixed).to.include({ accuracy: 33.5, precision: 66.4, recall: 33.4, f1: 44.4 });
  });
});
