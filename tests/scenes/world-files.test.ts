import { expect } from "chai";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { readTable, writeTable } from "../../src/pairs/table.js";
import { sampleBaseScene } from "../../src/scenes/base-scenes.js";
import { evaluationLayouts } from "../../src/scenes/evaluation-scenes.js";
import { KINDS } from "../../src/scenes/kinds.js";
import { namesOf } from "../../src/scenes/scene.js";
import { readEvaluationScenes, writeBaseScenes, writeEvaluationScenes } from "../../src/scenes/world-files.js";

describe("world files", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "scpo-world-"));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it("are the same bytes for the same seed and others for another", async () => {
    const bytes: Buffer[] = [];
    for (const [name, seed] of [
      ["a", 1],
      ["b", 1],
      ["c", 2],
    ] as const) {
      await writeBaseScenes(join(folder, name), { count: 20, seed });
      bytes.push(await readFile(join(folder, name)));
    }
    expect(bytes[0]!.equals(bytes[1]!)).to.equal(true);
    expect(bytes[0]!.equals(bytes[2]!)).to.equal(false);
  });

  it("report progress and leave nothing but the file", async () => {
    const heard: string[] = [];
    await writeBaseScenes(join(folder, "new", "base.parquet"), {
      count: 3,
      seed: 1,
      onProgress: (done, total) => heard.push(`${done}/${total}`),
    });
    expect(heard).to.deep.equal(["1/3", "2/3", "3/3"]);
    expect(await readdir(join(folder, "new"))).to.deep.equal(["base.parquet"]);
  });

  it("give back the evaluation scenes that were drawn", async () => {
    const path = join(folder, "test.parquet");
    await writeEvaluationScenes(path, { split: "test", count: 12 });
    const scenes = await readEvaluationScenes(path);
    const layouts = [...evaluationLayouts("test", 12)];
    expect(scenes.map((scene) => scene.objects)).to.deep.equal(layouts.map(({ scene }) => namesOf(scene)));
    expect(scenes.map((scene) => scene.questions)).to.deep.equal(layouts.map(({ questions }) => questions));
    expect(scenes.map((scene) => scene.row)).to.deep.equal(layouts.map((_, row) => row));
    expect((await sharp(scenes[0]!.image).metadata()).width).to.equal(64);
  });

  it("give back the questions of every kind", async () => {
    const path = join(folder, "test.parquet");
    await writeEvaluationScenes(path, { split: "test", count: 30, kinds: KINDS });
    const layouts = [...evaluationLayouts("test", 30, KINDS)];
    const scenes = await readEvaluationScenes(path);
    expect(scenes.map(({ questions }) => questions)).to.deep.equal(layouts.map(({ questions }) => questions));
    expect(new Set(scenes.flatMap(({ questions }) => questions.map(({ kind }) => kind))).size).to.equal(4);
    expect(scenes.map(({ objects }) => objects)).to.deep.equal(layouts.map(({ scene }) => namesOf(scene)));
  });

  it("tell what each cell of a base scene holds", async () => {
    const path = join(folder, "base.parquet");
    await writeBaseScenes(path, { count: 40, seed: 6, kinds: KINDS });
    const rows = await readTable(path, [
      { name: "cells", kind: "strings" },
      { name: "tiles", kind: "strings" },
      { name: "objects", kind: "strings" },
    ]);
    for (const [row, { cells, tiles, objects }] of rows.entries()) {
      const { scene } = sampleBaseScene(6, row, KINDS);
      const find = (cell: number) => scene.objects.find((object) => object.cell === cell);
      expect(cells).to.deep.equal([0, 1, 2, 3].map((cell) => find(cell)?.name ?? ""));
      expect(tiles).to.deep.equal([0, 1, 2, 3].map((cell) => find(cell)?.tile ?? ""));
      expect(objects).to.deep.equal((cells as string[]).filter((name) => name !== ""));
    }
  });

  it("of another kind are refused in one line", async () => {
    const path = join(folder, "pairs.parquet");
    await writeTable(path, [{ name: "id", kind: "string" }], [{ id: "one" }]);
    const message = await readEvaluationScenes(path).then(
      () => "none",
      (error: Error) => `${error.name}: ${error.message}`,
    );
    expect(message).to.match(/^UserError: .*pairs\.parquet: column "image" is missing; found id, expected id, image/);
    expect(message).not.to.include("\n");
  });

  it("with a question of no known kind are refused with its place", async () => {
    const path = join(folder, "test.parquet");
    const lists = ["objects", "companions", "questions", "answers", "kinds"].map((name) => ({
      name,
      kind: "strings" as const,
    }));
    await writeTable(
      path,
      [{ name: "id", kind: "string" }, { name: "image", kind: "image" }, ...lists],
      [
        {
          id: "test-0",
          image: new Uint8Array([1]),
          objects: ["dog"],
          companions: [],
          questions: ["Who is it?"],
          answers: ["Yes."],
          kinds: ["person"],
        },
      ],
    );
    const message = await readEvaluationScenes(path).then(
      () => "none",
      (error: Error) => `${error.name}: ${error.message}`,
    );
    expect(message).to.match(
      /^UserError: .*test\.parquet, scene "test-0" \(row 0\): found question "Who is it\?" of kind "person"/,
    );
    expect(message).to.include("expected one of presence, count, position, attribute");
  });

  it("refuse more evaluation scenes than the split can give", async () => {
    const message = await writeEvaluationScenes(join(folder, "t"), { split: "test", count: 10_001 }).then(
      () => "none",
      (error: Error) => error.message,
    );
    expect(message).to.equal("count is 10001; expected a whole number, 1 to 10000: give another count");
  });
});
