import { expect } from "chai";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import type { Benchmark, Prompt } from "../../src/evaluation/benchmark.js";
import { benchmarkNamed } from "../../src/evaluation/registry.js";
import { damageOf } from "../../src/evaluation/run/damaged-images.js";
import { findImages } from "../../src/evaluation/run/images.js";
import { readQuestions, withoutImages } from "../../src/evaluation/run/questions.js";
import { score } from "../../src/evaluation/score.js";
import { complaintOf } from "../fixtures/rejection.js";
import { TINY_BENCHMARKS, writeTinyBenchmark } from "../fixtures/tiny-benchmarks.js";

describe("images that are asked about", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "scpo-asked-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  /** COCO's annotations of both splits, as annotations_trainval2014.zip holds them. */
  async function coco(): Promise<Benchmark> {
    await writeFile(join(folder, "synonyms.txt"), "person, man\ndog, puppy\n");
    await mkdir(join(folder, "annotations"));
    for (const [split, id] of [
      ["val", 42],
      ["train", 9],
    ] as const) {
      const categories = [{ supercategory: "animal", id: 18, name: "dog" }];
      const annotations = [id, id + 1].map((image_id) => ({ image_id, category_id: 18, caption: "A man." }));
      const path = (kind: string): string => join(folder, "annotations", `${kind}_${split}2014.json`);
      await writeFile(path("instances"), JSON.stringify({ annotations, categories }));
      await writeFile(path("captions"), JSON.stringify({ annotations }));
    }
    return benchmarkNamed("chair");
  }

  const names = (prompts: readonly Prompt[]): string[] => prompts.map(({ image }) => image);

  it("are those of COCO's validation split, whose names say so, unless the other is asked for", async () => {
    const chair = await coco();
    const asked = async (options = {}) => names((await readQuestions(chair, folder, undefined, { options })).prompts);
    expect(await asked()).to.deep.equal(["COCO_val2014_000000000042.jpg", "COCO_val2014_000000000043.jpg"]);
    expect(await asked({ split: "train" })).to.deep.equal([
      "COCO_train2014_000000000009.jpg",
      "COCO_train2014_000000000010.jpg",
    ]);
    expect(await complaintOf(asked({ split: "test" }))).to.match(/option split is "test", expected val or train/);
    expect(await complaintOf(asked({ spilt: "val" }))).to.match(/option "spilt" is not one of chair/);
    const drawn = await readQuestions(chair, folder, { images: 2, seed: 3 });
    expect(names(drawn.prompts)).to.have.members(await asked());
  });

  it("may be captioned in both splits, or in the one that is named", async () => {
    const benchmark = await coco();
    const answers = join(folder, "captions.jsonl");
    await writeFile(answers, '{"image_id": 42, "caption": "A dog."}\n{"image_id": 9, "caption": "A dog."}\n');
    const scored = (options = {}) => score({ benchmark, annotations: folder, answers, options });
    expect((await scored()).n).to.equal(2);
    expect(await complaintOf(scored({ split: "val" }))).to.match(
      /line 2: field image_id is "9", an image of COCO's train split; expected val/,
    );
  });

  it("are those of a list, in whatever form it names them", async () => {
    const chair = await coco();
    const list = join(folder, "list");
    const asked = async (content: string, sample?: { images: number; seed: number }) => {
      await writeFile(list, content);
      return readQuestions(chair, folder, sample, { imageList: list });
    };
    const { prompts, imageList, sha256 } = await asked("42\n");
    expect(names(prompts)).to.deep.equal(["COCO_val2014_000000000042.jpg"]);
    expect(imageList?.images).to.equal(1);
    for (const content of [
      "COCO_val2014_000000000042.jpg\n\n",
      "val2014/COCO_val2014_000000000042\r\n".replace("val2014/", ""),
      "000000000042",
      "[42]",
      '["COCO_val2014_000000000042.jpg", 42]',
      '{"image_id": 42, "caption": "A dog."}\n',
      '[{"image": "COCO_val2014_000000000042.jpg"}]',
    ]) {
      const same = await asked(content);
      expect([same.sha256, same.imageList], content).to.deep.equal([sha256, imageList]);
    }
    const wrong: [string, RegExp][] = [
      ["42\n9\n", /list line 2: names "9", about which nothing is asked; expected images such as COCO_val2014_/],
      ["", /list: is empty, expected an image a line/],
      ["[1.5]", /list element 1: is 1.5, expected an image's name or id/],
      ['{"caption": "A"}', /list line 1: is \{"caption":"A"\}, expected an image's name or id, or a row with image_id/],
      ["{x", /list line 1: begins as JSON and is none/],
    ];
    for (const [content, message] of wrong) expect(await complaintOf(asked(content)), content).to.match(message);
    expect(await complaintOf(asked("42", { images: 1, seed: 0 }))).to.match(
      /--image-list .* --sample .* leave one out/,
    );
  });

  it("are named with their folder where two have one name", async () => {
    const mme = benchmarkNamed("mme");
    await writeTinyBenchmark(folder, TINY_BENCHMARKS["mme"] ?? { files: {} });
    const list = join(folder, "list");
    await writeFile(list, "a.png\n");
    const asked = () => readQuestions(mme, folder, undefined, { imageList: list });
    expect(await complaintOf(asked())).to.match(
      /names "a.png", which may be existence\/a.png or count\/a.png; write the folder/,
    );
    await writeFile(list, "count/a.png\n");
    expect(names((await asked()).prompts)).to.deep.equal(["count/a.png", "count/a.png"]);
  });

  describe("and damaged", () => {
    const prompts: Prompt[] = ["whole.png", "cut.png", "cut.jpg", "text.jpg", "empty.png"].map((image, id) => {
      return { id, image, text: `Is it ${id}?` };
    });

    const where = () => ({ annotations: folder, folder });

    beforeEach(async () => {
      const noise = Buffer.from(Array.from({ length: 64 * 64 * 3 }, (_, at) => (at * 7919) % 251));
      const picture = sharp(noise, { raw: { width: 64, height: 64, channels: 3 } });
      const [png, jpeg] = [await picture.clone().png().toBuffer(), await picture.clone().jpeg().toBuffer()];
      await writeFile(join(folder, "whole.png"), png);
      await writeFile(join(folder, "cut.png"), png.subarray(0, png.length / 2));
      await writeFile(join(folder, "cut.jpg"), jpeg.subarray(0, jpeg.length / 2));
      await writeFile(join(folder, "text.jpg"), "Not Found");
      await writeFile(join(folder, "empty.png"), "");
    });

    it("are refused all together before anything is asked", async () => {
      expect(await complaintOf(findImages({}, prompts, where()), folder)).to.match(
        /^images: 4 of 5 cannot be decoded in , the first is cut.png \(asked for by 1: .+\): get them again, or .*--skip-damaged$/,
      );
      expect(await damageOf(join(folder, "whole.png"))).to.equal(null);
      expect(await damageOf(join(folder, "empty.png"))).to.equal("the file is empty");
      await writeFile(join(folder, "old.bmp"), "BM and what follows");
      expect(await damageOf(join(folder, "old.bmp"))).to.equal(null);
    });

    it("are left out with their questions where that is asked for", async () => {
      const images = await findImages({}, prompts, where(), { skipDamaged: true });
      expect([...images.paths.keys()]).to.deep.equal(["whole.png"]);
      expect([...images.damaged]).to.deep.equal(["cut.png", "cut.jpg", "text.jpg", "empty.png"]);
      const left = withoutImages({ prompts, sha256: "" }, images.damaged);
      expect(left.prompts).to.deep.equal([prompts[0]]);
      const alone = await findImages({}, [prompts[0] as Prompt], where());
      expect(images.sha256).to.equal(alone.sha256);
      expect(await readFile(join(folder, "text.jpg"), "utf8")).to.equal("Not Found");
    });
  });
});
