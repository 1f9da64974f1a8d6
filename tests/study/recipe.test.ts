import { expect } from "chai";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UserError } from "../../src/errors.js";
import { ABLATIONS, METHODS } from "../../src/study/method.js";
import { learningRateOf, readRecipe, writeRecipe } from "../../src/study/recipe.js";

describe("recipe", () => {
  let folder: string;
  before(() => (folder = mkdtempSync(join(tmpdir(), "scpo-recipe-"))));
  after(() => rmSync(folder, { recursive: true, force: true }));

  async function messageOf(act: () => unknown): Promise<string> {
    try {
      await act();
    } catch (error) {
      expect(error).to.be.instanceOf(UserError);
      return (error as Error).message;
    }
    throw new Error("expected a UserError");
  }

  it("that ships has a learning rate for every method", async () => {
    const recipe = await readRecipe();
    for (const { settingsOf } of [...METHODS, ...ABLATIONS]) expect(learningRateOf(recipe, settingsOf)).to.be.above(0);
  });

  it("is read as it was written", async () => {
    const recipe = await readRecipe();
    const path = join(folder, "recipe.json");
    await writeRecipe(recipe, path);
    expect(await readRecipe(path)).to.deep.equal(recipe);
  });

  it("names the file, the field and what was expected", async () => {
    const path = join(folder, "wrong.json");
    const recipe = await readRecipe();
    writeFileSync(path, JSON.stringify({ ...recipe, pairs: -1, colour: "red" }));
    const message = await messageOf(() => readRecipe(path));
    expect(message).to.include(path).and.include("pairs").and.include("colour").and.not.include("\n");
    writeFileSync(path, "{");
    expect(await messageOf(() => readRecipe(path))).to.include(path);
    expect(await messageOf(() => learningRateOf(recipe, "nonsense"))).to.include("learning_rates.nonsense");
  });
});
