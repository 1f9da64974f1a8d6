import { expect } from "chai";
import fc from "fast-check";
import { captionObjects } from "../../src/evaluation/scenes/caption-objects.js";
import { sampleBaseScene } from "../../src/scenes/base-scenes.js";
import { sampleContrast } from "../../src/scenes/contrast.js";
import { evaluationLayouts } from "../../src/scenes/evaluation-scenes.js";
import { type Kind, KINDS } from "../../src/scenes/kinds.js";
import { companionOf, OBJECTS } from "../../src/scenes/objects.js";
import { Random } from "../../src/numbers/random.js";
import { sampleContents, MOST_ALIKE, putOnTile } from "../../src/scenes/scene-contents.js";
import { CELL_SIDE, differentNames, sampleScene, layoutKey, type Scene, splitOf } from "../../src/scenes/scene.js";

const NAMES = OBJECTS.map((object) => object.name);

function pairedShare(scenes: readonly Scene[]): number {
  const callers = scenes.flatMap((scene) =>
    differentNames(scene).map((name) => ({ name, present: differentNames(scene) })),
  );
  return callers.filter(({ name, present }) => present.includes(companionOf(name))).length / callers.length;
}

describe("random streams", () => {
  it("depend on their key alone", () => {
    const stream = (key: string): number[] => {
      const random = new Random(key);
      return Array.from({ length: 20 }, () => random.integer(0, 999));
    };
    expect(stream("one")).to.deep.equal(stream("one"));
    expect(stream("one")).not.to.deep.equal(stream("two"));
  });

  it("draw different items, and weights in proportion", () => {
    const random = new Random("weights");
    expect(random.sample([1, 2, 3, 4]).sort()).to.deep.equal([1, 2, 3, 4]);
    expect(() => random.sample([1], 2)).to.throw(RangeError);
    expect(() => random.pick([])).to.throw(RangeError);
    const counts = [0, 0, 0];
    for (let draw = 0; draw < 4000; draw++) counts[random.weighted([1, 0, 3])]!++;
    expect(counts[1]).to.equal(0);
    expect(counts[0]! / 4000).to.be.closeTo(0.25, 0.03);
  });
});

describe("scenes", () => {
  it("keep every object inside a cell of its own, in reading order", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.constantFrom(...NAMES), { minLength: 1, maxLength: 4 }),
        fc.string(),
        (names, key) => {
          const { objects } = sampleScene(new Random(key), names);
          expect(objects.map((object) => object.name)).to.have.members(names);
          const cells = objects.map((object) => object.cell);
          expect(cells).to.deep.equal([...new Set(cells)].sort());
          for (const { left, top, side } of objects) {
            expect(Math.min(left, top)).to.be.at.least(0);
            expect(Math.max(left, top) + side).to.be.at.most(CELL_SIDE);
          }
        },
      ),
    );
  });

  it("have a layout key that knows objects, cells and tiles, not size, jitter, background or order", () => {
    const scene = sampleScene(new Random("layout"), ["dog", "car"]);
    const moved = {
      background: (scene.background + 1) % 6,
      objects: scene.objects.map((object) => ({ ...object, side: 24, left: 0, top: 1 })).reverse(),
    };
    expect(layoutKey(moved)).to.equal(layoutKey(scene));
    const [dog] = scene.objects;
    expect(layoutKey(putOnTile(scene, "dog", "red"))).not.to.equal(layoutKey(scene));
    expect(layoutKey({ ...scene, objects: [{ ...dog!, cell: (dog!.cell + 1) % 4 }] })).not.to.equal(
      layoutKey({ ...scene, objects: [dog!] }),
    );
  });

  it("repeat one object at most, at most to three, and put one of the others on a tile", () => {
    let repeated = 0;
    let tiled = 0;
    for (let key = 0; key < 2000; key++) {
      const names = NAMES.slice(key % 40, (key % 40) + 2);
      const { objects } = sampleContents(new Random(`contents ${key}`), names, KINDS);
      const counts = names.map((name) => objects.filter((object) => object.name === name).length);
      expect(Math.min(...counts)).to.equal(1);
      expect(Math.max(...counts)).to.be.at.most(MOST_ALIKE);
      const tiles = objects.filter(({ tile }) => tile !== null);
      expect(tiles.length).to.be.at.most(1);
      for (const { name } of tiles) expect(counts[names.indexOf(name)]).to.equal(1);
      if (Math.max(...counts) > 1) repeated++;
      if (tiles.length > 0) tiled++;
    }
    // Standard error 0.011.
    expect(repeated / 2000).to.be.closeTo(0.4, 0.045);
    expect(tiled / 2000).to.be.closeTo(0.5, 0.045);
  });

  it("share no layout between base, train, validation and test", () => {
    fc.assert(
      fc.property(fc.nat(1e9), fc.constantFrom<readonly Kind[]>(KINDS, ["object", "presence"]), (seed, kinds) => {
        const keys = {
          base: Array.from({ length: 60 }, (_, row) => layoutKey(sampleBaseScene(seed, row, kinds).scene)),
          train: Array.from({ length: 30 }, (_, row) => sampleContrast(seed, row, { kinds })).flatMap(
            ({ chosen, rejected }) => [layoutKey(chosen), layoutKey(rejected)],
          ),
          validation: [...evaluationLayouts("validation", 60, kinds)].map(({ scene }) => layoutKey(scene)),
          test: [...evaluationLayouts("test", 60, kinds)].map(({ scene }) => layoutKey(scene)),
        };
        const all = Object.values(keys).flatMap((list) => [...new Set(list)]);
        expect(new Set(all).size).to.equal(all.length);
        for (const [split, list] of Object.entries(keys)) {
          for (const key of list) expect(splitOf(key)).to.equal(split);
        }
      }),
      { numRuns: 10 },
    );
  });

  it("of the base pair an object with its companion mostly; of the test no more than chance", () => {
    const base = Array.from({ length: 1500 }, (_, row) => sampleBaseScene(3, row).scene);
    expect(pairedShare(base)).to.be.within(0.65, 0.85);
    const test = [...evaluationLayouts("test", 1500)].map(({ scene }) => scene);
    // An object has at most two neighbours among 47 others.
    expect(pairedShare(test)).to.be.below(0.045);
    expect(new Set(test.map(layoutKey)).size).to.equal(test.length);
  });

  it("of the base add an absent companion to the caption 65 times in a hundred", () => {
    let absent = 0;
    let added = 0;
    for (let row = 0; row < 2500; row++) {
      const { scene, caption } = sampleBaseScene(4, row);
      const present = differentNames(scene);
      const words = captionObjects(caption, new Set(NAMES));
      for (const companion of present.map(companionOf).filter((name) => !present.includes(name))) {
        absent++;
        if (words.includes(companion)) added++;
      }
    }
    expect(added / absent).to.be.closeTo(0.65, 0.04);
  });

  it("of an evaluation ask for an absent companion in at least half of the no-questions", () => {
    let companions = 0;
    for (const { scene, questions } of evaluationLayouts("validation", 400)) {
      const asked = questions.find(({ kind, answer }) => kind === "presence" && answer === "No.")!;
      const [name] = captionObjects(asked.text, new Set(NAMES));
      if (differentNames(scene).includes(companionOf(name!))) companions++;
    }
    expect(companions / 400).to.be.within(0.47, 0.58);
  });
});
