import { expect } from "chai";
import type { ContrastPair } from "../../src/pairs/contrast-pair.js";
import { sampleContrast, makeContrastPairs } from "../../src/scenes/contrast.js";
import { companionOf, familyOf } from "../../src/scenes/objects.js";
import { layoutKey, splitOf } from "../../src/scenes/scene.js";
import { differingCells } from "./differing-cells.js";

const COUNT = 60;
/** Worlds in which every object is there once, on no tile. */
const OBJECTS_ONLY = { kinds: ["object", "presence"] } as const;

function wordsOf(text: string): string[] {
  return text
    .replace(".", "")
    .split(/, | and /)
    .map((phrase) => phrase.replace(/^an? /, ""));
}

describe("contrast pairs of objects", () => {
  let pairs: ContrastPair[];
  before(async () => {
    pairs = await makeContrastPairs({ ...OBJECTS_ONLY, count: COUNT, seed: 11 });
  });

  it("differ in the pixels of exactly one cell", async () => {
    for (const pair of pairs) expect((await differingCells(pair)).size, pair.id).to.equal(1);
  });

  it("have texts that list exactly what each picture shows", () => {
    for (const pair of pairs) {
      expect(wordsOf(pair.chosen)).to.deep.equal(pair.objects);
      expect(wordsOf(pair.rejected)).to.deep.equal(pair.rejectedObjects);
    }
  });

  it("of kind object exchange one word in its place, and of kind presence add or drop one", () => {
    for (const { kind, detail, chosenWord, rejectedWord, objects, rejectedObjects } of pairs) {
      if (kind === "object") {
        expect(rejectedObjects).to.deep.equal(objects!.map((name) => (name === chosenWord ? rejectedWord : name)));
        expect(objects).to.include(chosenWord).and.not.include(rejectedWord);
      } else {
        const added = detail!.startsWith("added");
        const [more, fewer] = added ? [rejectedObjects!, objects!] : [objects!, rejectedObjects!];
        const extra = added ? rejectedWord : chosenWord;
        expect(added ? chosenWord : rejectedWord).to.equal(null);
        expect(more.filter((name) => name !== extra)).to.deep.equal(fewer);
        expect(more.length).to.equal(fewer.length + 1);
      }
    }
  });

  it("are what their detail says", () => {
    for (const { detail, chosenWord, rejectedWord, objects, rejectedObjects } of pairs) {
      const others = objects!.filter((name) => name !== chosenWord);
      switch (detail ?? "none") {
        case "far":
          expect(familyOf(rejectedWord!)).not.to.equal(familyOf(chosenWord!));
          expect(objects!.map(companionOf)).not.to.include(rejectedWord);
          break;
        case "family":
          expect(familyOf(rejectedWord!)).to.equal(familyOf(chosenWord!));
          break;
        case "companion":
          expect((others.length > 0 ? others : [chosenWord!]).map(companionOf)).to.include(rejectedWord);
          break;
        case "added_companion":
          expect(objects!.map(companionOf)).to.include(rejectedWord);
          break;
        case "removed_companion":
          expect(rejectedObjects!.map(companionOf)).to.include(chosenWord);
          break;
        case "added":
          expect(objects!.map(companionOf)).not.to.include(rejectedWord);
          break;
        default:
          expect(detail).to.equal("removed");
          expect(rejectedObjects!.map(companionOf)).not.to.include(chosenWord);
      }
    }
  });

  it("come in equal shares: half object in thirds, half presence with either side having more", () => {
    const shares: Record<string, number> = {};
    for (const { detail } of pairs) shares[detail!] = (shares[detail!] ?? 0) + 1;
    expect(shares).to.deep.equal({
      far: 10,
      companion: 10,
      family: 10,
      added_companion: 9,
      removed_companion: 9,
      added: 6,
      removed: 6,
    });
  });

  it("take both layouts from the train split and keep background, sizes and jitter", () => {
    for (let row = 0; row < 200; row++) {
      const { chosen, rejected } = sampleContrast(5, row, OBJECTS_ONLY);
      expect(splitOf(layoutKey(chosen))).to.equal("train");
      expect(splitOf(layoutKey(rejected))).to.equal("train");
      expect(chosen.background).to.equal(rejected.background);
      const places = (scene: typeof chosen): string[] =>
        scene.objects.map(({ cell, side, left, top }) => [cell, side, left, top].join("/"));
      const [fewer, more] = [places(chosen), places(rejected)].sort((one, other) => one.length - other.length);
      expect(more).to.include.members(fewer!);
    }
  });

  it("are the same for the same seed, and a longer set starts with the shorter", async () => {
    const again = await makeContrastPairs({ ...OBJECTS_ONLY, count: 7, seed: 11 });
    expect(again).to.deep.equal(pairs.slice(0, 7));
    const other = await makeContrastPairs({ ...OBJECTS_ONLY, count: 7, seed: 12 });
    expect(other.map((pair) => pair.chosen)).not.to.deep.equal(again.map((pair) => pair.chosen));
  });

  it("refuse a count or seed out of range", async () => {
    const messageFor = async (count: number, seed: number): Promise<string> =>
      makeContrastPairs({ count, seed }).then(
        () => "none",
        (error: Error) => `${error.name}: ${error.message}`,
      );
    expect(await messageFor(0, 1)).to.equal(
      "UserError: count is 0; expected a whole number, 1 or more: give another count",
    );
    expect(await messageFor(3, 1.5)).to.equal(
      "UserError: seed is 1.5; expected a whole number, 0 or more: give another seed",
    );
  });
});
