import { expect } from "chai";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { UserError } from "../../src/errors.js";
import { synonymsOf } from "../../src/evaluation/chair/synonyms.js";
import { ObjectWords } from "../../src/evaluation/chair/object-words.js";
import { installedTagger, perceptronTagger } from "../../src/evaluation/perceptron-tagger.js";

describe("NLTK's tagger", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "scpo-tagger-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  async function write(weights: unknown, tagdict: unknown, classes: unknown): Promise<void> {
    for (const [part, content] of Object.entries({ weights, tagdict, classes })) {
      await writeFile(join(folder, `averaged_perceptron_tagger_eng.${part}.json`), JSON.stringify(content));
    }
  }

  it("is found where NLTK looks for its data", async () => {
    const tagger = join(folder, "taggers", "averaged_perceptron_tagger_eng");
    await mkdir(tagger, { recursive: true });
    expect(await installedTagger({ NLTK_DATA: `${join(folder, "nowhere")}${delimiter}${folder}` })).to.equal(tagger);
  });

  it("adds the weights of features and of tags before", async () => {
    await write(
      {
        bias: { NN: 0.5 },
        "i suffix ing": { VBG: 1, NN: 0.25 },
        "i-1 tag DT": { NN: 0.75 },
        "i-1 tag+i word NN skiing": { VBG: 3 },
        "i word !DIGITS": { CD: 2 },
        "i word !YEAR": { CD: 1 },
        "i word !HYPHEN": { JJ: 1 },
        "i+1 word -END-": { RB: 0.5 },
        "i pref1 犬": { NNP: 1 },
      },
      { the: "DT" },
      ["NN", "VBG", "DT", "CD", "JJ", "RB", "NNP"],
    );
    const { tag, inputs } = await perceptronTagger(folder);
    expect(inputs).to.have.length(3);
    // skiing: VBG 1 against NN 0.5 + 0.25; behind "the" NN has 0.75 more; behind a noun VBG has 3 more.
    expect(tag(["skiing", "the", "skiing", "skiing", "x"])).to.deep.equal(["VBG", "DT", "NN", "VBG", "RB"]);
    // The last word: NN 0.5 and RB 0.5 are equal, the later letter wins.
    expect(tag(["3pm", "1999", "t-shirt", "犬", ""])).to.deep.equal(["CD", "CD", "JJ", "NNP", "RB"]);
    expect(tag([])).to.deep.equal([]);
    const words = new ObjectWords(synonymsOf([["skis", "ski"]], "strict"), "wordnet", "strict", tag);
    expect(words.objects("Skiing. The skiing")).to.deep.equal(["skis"]);
  });

  it("names the file that is missing or malformed", async () => {
    const complaint = async (): Promise<string> => {
      const error: unknown = await perceptronTagger(folder).catch((cause: unknown) => cause);
      expect(error).to.be.instanceOf(UserError);
      return (error as UserError).message.replaceAll(folder, "");
    };
    expect(await complaint()).to.match(/holds no file that ends in .weights.json/);
    await write({ bias: { NN: "x" } }, {}, ["NN"]);
    expect(await complaint()).to.match(/eng.weights.json: field bias.NN is not as NLTK writes it/);
    await write({}, {}, []);
    expect(await complaint()).to.match(/eng.classes.json: field \(whole file\) is not as NLTK writes it/);
    await rm(folder, { recursive: true });
    expect(await complaint()).to.match(/no such file/);
  });
});
