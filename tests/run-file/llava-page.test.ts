import { expect } from "chai";
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { parse, stringify } from "yaml";
import { Random } from "../../src/numbers/random.js";
import { EMBEDDED_MODEL_FOLDER, PACKAGE_ROOT } from "../../src/package-root.js";
import { withArticle } from "../../src/scenes/caption.js";
import { OBJECTS } from "../../src/scenes/objects.js";
import { renderScene } from "../../src/scenes/render.js";
import { sampleScene } from "../../src/scenes/scene.js";
import { scpoInProcess } from "../fixtures/scpo-in-process.js";

const PAIRS = 40;
const FEW = OBJECTS.slice(0, 4).map(({ name }) => name);

/** The page's blocks of a language, in order. */
async function blocks(language: string): Promise<string[]> {
  const page = await readFile(join(PACKAGE_ROOT, "docs", "llava-7b.md"), "utf8");
  return [...page.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\``, "gm"))].map(([, text = ""]) => text);
}

/** Drawn pictures and what is in them, in the layout of COCO. */
async function writeCoco(folder: string, split: string, count: number): Promise<void> {
  const pictures = join(folder, split);
  await mkdir(pictures, { recursive: true });
  await mkdir(join(folder, "annotations"), { recursive: true });
  const images = [];
  const captions = [];
  const instances = [];
  for (let id = 1; id <= count; id++) {
    const random = new Random(`${split}/${id}`);
    const names = random.sample(FEW, 1);
    const file_name = `COCO_${split}_${String(id).padStart(12, "0")}.jpg`;
    await sharp(await renderScene(sampleScene(random, names)))
      .jpeg()
      .toFile(join(pictures, file_name));
    images.push({ id, file_name, width: 64, height: 64 });
    captions.push({ id, image_id: id, caption: `There is ${withArticle(names[0] as string)} in the picture.` });
    instances.push({ id, image_id: id, category_id: FEW.indexOf(names[0] as string) + 1, bbox: [8, 8, 40, 40] });
  }
  const categories = FEW.map((name, at) => ({ id: at + 1, name, supercategory: "thing" }));
  const write = (kind: string, content: object) =>
    writeFile(join(folder, "annotations", `${kind}_${split}.json`), JSON.stringify(content));
  await write("captions", { images, annotations: captions });
  await write("instances", { images, categories, annotations: instances });
}

describe("the page LLaVA-1.5-7B from nothing", function () {
  this.timeout(600_000);
  let folder: string;
  const startedIn = process.cwd();

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "scpo-page-"));
    await writeCoco(join(folder, "COCO"), "train2014", PAIRS);
    await writeCoco(join(folder, "COCO"), "val2014", 4);
    await mkdir(join(folder, "CHAIR"));
    await writeFile(join(folder, "CHAIR", "synonyms.txt"), `${FEW.join("\n")}\n`);
    const truth = { 1: [FEW[0]], 2: [FEW[1]], 3: [FEW[2]], 4: [] };
    await writeFile(join(folder, "CHAIR", "coco2014_ground_truth.json"), JSON.stringify(truth));
    const items = [
      { id: 1, type: "generative", truth: [FEW[0]], hallu: [FEW[1]] },
      { id: 2, type: "discriminative-hallucination", truth: "no" },
    ];
    const amber = join(folder, "AMBER", "data");
    await mkdir(amber, { recursive: true });
    await mkdir(join(folder, "AMBER", "image"));
    const asked = items.map(({ id }) => ({ id, image: `AMBER_${id}.jpg`, query: "Describe the picture." }));
    await writeFile(join(amber, "annotations.json"), JSON.stringify(items));
    await writeFile(join(amber, "query_all.json"), JSON.stringify(asked));
    await writeFile(join(amber, "relation.json"), JSON.stringify(Object.fromEntries(FEW.map((name) => [name, []]))));
    await writeFile(join(amber, "safe_words.txt"), "picture\n");
    for (const id of [1, 2]) {
      const picture = join(folder, "COCO", "val2014", `COCO_val2014_${String(id).padStart(12, "0")}.jpg`);
      await cp(picture, join(folder, "AMBER", "image", `AMBER_${id}.jpg`));
    }
    process.chdir(folder);
  });

  after(async () => {
    process.chdir(startedIn);
    await rm(folder, { recursive: true, force: true });
  });

  it("has ten commands that lead from captions to figures", async () => {
    const small = (text: string) => text.replaceAll("llava-hf/llava-1.5-7b-hf", EMBEDDED_MODEL_FOLDER);
    const [run = "", suite = ""] = (await blocks("yaml")).map(small);
    const { recipe: name } = parse(run) as { recipe: string };
    const recipe = parse(await readFile(join(PACKAGE_ROOT, name), "utf8")) as Record<string, unknown>;
    for (const setting of ["load_in_4bit", "bnb_4bit_quant_type", "use_bnb_nested_quant"]) {
      expect(recipe).to.have.property(setting);
      delete recipe[setting];
    }
    await mkdir("recipes");
    // The tiny model's context has 64 places.
    await writeFile(name, stringify({ ...recipe, gradient_accumulation_steps: 4, max_length: 64 }));
    await writeFile("run.yaml", run);
    await writeFile("suite.yaml", suite.replace("sample: 500, max_new_tokens: 512", "max_new_tokens: 12"));
    const commands = (await blocks("sh")).flatMap((text) => text.trim().split("\n"));
    expect(commands).to.have.length(10);
    expect(commands[0]).to.match(/^hf download /);
    for (const command of commands.slice(1)) {
      const [npx, scpo, ...words] = (small(command).match(/"[^"]*"|\S+/g) ?? []).map((word) =>
        word.replaceAll('"', ""),
      );
      expect([npx, scpo]).to.deep.equal(["npx", "scpo"]);
      expect(await scpoInProcess(words), command).to.equal(undefined);
    }
    expect(existsSync(join("runs", "llava-7b", "checkpoints", "stage-2", "adapter_config.json"))).to.equal(true);
    const table = await readFile(join("figures", "table.md"), "utf8");
    expect(table)
      .to.match(/chair_s/i)
      .and.to.match(/scpo/);
  });
});
