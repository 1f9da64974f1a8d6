import { expect } from "chai";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import { PACKAGE_ROOT } from "../../src/package-root.js";
import { SettingsError } from "../../src/run-file/problems.js";
import { checkRunSettings, readRunFile } from "../../src/run-file/read.js";
import { prepareRun } from "../../src/run-file/start-run.js";
import { scpoInProcess } from "../fixtures/scpo-in-process.js";
import { tinyWorld, type TinyWorld } from "../fixtures/tiny-run.js";
import { LOSSES } from "../../src/generated/losses.js";

const RECIPES = join(PACKAGE_ROOT, "recipes");
const names = readdirSync(RECIPES).filter((name) => name.endsWith(".yaml"));

describe("a recipe", () => {
  let folder: string;
  let world: TinyWorld;
  const path = () => join(folder, "run.yaml");

  before(async function () {
    this.timeout(60_000);
    folder = mkdtempSync(join(tmpdir(), "scpo-recipe-"));
    world = await tinyWorld();
  });

  after(() => rmSync(folder, { recursive: true, force: true }));

  function write(recipe: string, settings: object = {}): void {
    writeFileSync(path(), stringify({ recipe, model: world.model, data: { pairs: world.pairs.path }, ...settings }));
  }

  async function refused(recipe: string, settings: object = {}): Promise<string> {
    write(recipe, settings);
    const error: unknown = await readRunFile(path()).catch((error: unknown) => error);
    expect(error).to.be.instanceOf(SettingsError);
    return (error as SettingsError).message;
  }

  it("is there for each size of machine", () => {
    expect(names).to.have.members([
      "lora-24gb.yaml",
      "lora-80gb.yaml",
      "full-8x80gb-llava.yaml",
      "full-8x80gb-qwen.yaml",
    ]);
  });

  for (const name of names) {
    it(`${name} is read whole by scpo train --dry-run`, async () => {
      write(join(RECIPES, name));
      expect(await scpoInProcess(["train", path(), "--runs", join(folder, "runs"), "--dry-run"])).to.equal(undefined);
      const { resolved } = await prepareRun(path(), { runs: join(folder, "runs") });
      expect(resolved.training).to.include(
        Object.fromEntries(
          Object.entries(parse(readFileSync(join(RECIPES, name), "utf8")) as Record<string, unknown>).filter(
            ([, value]) => typeof value !== "object",
          ),
        ),
      );
      expect(resolved).not.to.have.property("recipe");
    }).timeout(60_000);
  }

  it("counts where training does not say otherwise", async () => {
    writeFileSync(join(folder, "own.yaml"), "learning_rate: 1.0e-5\nbeta: 0.3\nlora_r: 4\n");
    write("own.yaml", { training: { beta: 0.2, seed: 3 } });
    const { settings } = await readRunFile(path());
    expect(settings.training).to.include({ learning_rate: 1e-5, beta: 0.2, lora_r: 4, seed: 3 });
  });

  it("is named with the setting that is wrong in it, at the run's line", async () => {
    writeFileSync(join(folder, "own.yaml"), "learning_rate: fast\nsave_steps: 5\nloss_type: [spco]\nseed: one\n");
    const lines = (await refused("own.yaml", { training: { seed: "two" } })).split("\n  ");
    expect(lines[0]).to.equal(`${path()}: 4 mistakes`);
    expect(lines.slice(1, 4)).to.have.members([
      `${path()}:1:9: recipe: own.yaml: learning_rate: found "fast", expected a number`,
      `${path()}:1:9: recipe: own.yaml: save_steps: is not set here: checkpoints.every_steps says when the training is saved`,
      `${path()}:1:9: recipe: own.yaml: loss_type[0]: found "spco", expected one of ${Object.keys(LOSSES).sort().join(", ")}`,
    ]);
    expect(lines[4]).to.match(/:\d+:9: training\.seed: found "two"/);
  });

  it("that cannot be one is a mistake of one line", async () => {
    expect(await refused("nowhere.yaml")).to.match(
      /:1:9: recipe: found "nowhere.yaml", expected a YAML file .* can be read \(.*nowhere.yaml: ENOENT\)$/,
    );
    writeFileSync(join(folder, "list.yaml"), "- 1\n");
    expect(await refused("list.yaml")).to.match(
      /expected training settings as name: value \(.*list.yaml holds none\)$/,
    );
    writeFileSync(join(folder, "broken.yaml"), "a: [1\n");
    expect(await refused("broken.yaml")).to.match(
      /:1:9: recipe: found "broken.yaml", expected .*\(.*broken.yaml: .*\)$/,
    );
    writeFileSync(join(folder, "run2.yaml"), "model: embedded\n");
    expect(await refused("run2.yaml")).to.match(/\(.*run2.yaml is a run of its own\)$/);
  });

  it("is read where a file names it, and nowhere else", () => {
    const settings = { id: "one", recipe: path(), model: world.model, data: { pairs: world.pairs.path } };
    expect(() => checkRunSettings(settings)).to.throw(
      SettingsError,
      "recipe: is read where a file names it: give its settings as training",
    );
  });

  it("given in place of a run is told what it is", async () => {
    const file = join(RECIPES, "lora-24gb.yaml");
    const error: unknown = await readRunFile(file).catch((error: unknown) => error);
    expect((error as Error).message).to.match(
      /name it as recipe in a run.yaml \(docs\/runs.md\), or give it to trl-scpo/,
    );
  });
});
