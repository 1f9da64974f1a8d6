import { expect } from "chai";
import { UserError } from "../../src/errors.js";
import type { ContrastPair } from "../../src/pairs/contrast-pair.js";
import { type ContrastOptions, sampleContrast, makeContrastPairs } from "../../src/scenes/contrast.js";
import { KINDS, readKinds } from "../../src/scenes/kinds.js";
import { companionOf, familyOf } from "../../src/scenes/objects.js";
import { layoutKey, type PlacedObject, type Scene, splitOf } from "../../src/scenes/scene.js";
import { differingCells } from "./differing-cells.js";
import { isTrueOf, truthOf } from "./reading.js";

const COUNT = 90;
const ROWS = 900;
const OPTIONS = { kinds: KINDS, questionRate: 0.25 };

const key = ({ name, cell, side, left, top, tile }: PlacedObject): string =>
  JSON.stringify({ name, cell, side, left, top, tile });

// Objects of either scene that the other does not have just so.
function differences(chosen: Scene, rejected: Scene): [PlacedObject[], PlacedObject[]] {
  const [here, there] = [chosen, rejected].map((scene) => new Set(scene.objects.map(key)));
  return [
    chosen.objects.filter((object) => !there!.has(key(object))),
    rejected.objects.filter((object) => !here!.has(key(object))),
  ];
}

describe("contrast pairs of every kind", () => {
  let pairs: ContrastPair[];
  const rows = Array.from({ length: ROWS }, (_, row) => sampleContrast(11, row, OPTIONS));
  const ofKind = (kind: string) => rows.filter((row) => row.kind === kind);

  before(async () => {
    pairs = await makeContrastPairs({ count: COUNT, seed: 11, ...OPTIONS });
  });

  it("differ in the pixels of exactly one cell, of kind position in two", async () => {
    for (const pair of pairs) {
      expect((await differingCells(pair)).size, pair.id).to.equal(pair.kind === "position" ? 2 : 1);
    }
  });

  it("have texts of which each is true of its own picture and false of the other", () => {
    for (const { chosen, rejected, phrase } of rows) {
      const texts = [phrase.answer(chosen), phrase.answer(rejected)] as const;
      for (const [scene, own, other] of [
        [chosen, texts[0], texts[1]],
        [rejected, texts[1], texts[0]],
      ] as const) {
        expect(isTrueOf(scene, phrase.text, own), `${phrase.text} ${own}`).to.equal(true);
        expect(isTrueOf(scene, phrase.text, other), `${phrase.text} ${other}`).to.equal(false);
      }
    }
  });

  it("have texts that differ in one phrase and keep the order of the others", () => {
    for (const { kind, chosen, rejected, statement } of rows.filter((row) => row.kind !== "position")) {
      const phrases = [chosen, rejected].map((scene) =>
        statement
          .answer(scene)
          .replace(".", "")
          .split(/, | and /),
      );
      const [here, there] = phrases as [string[], string[]];
      const own = here.filter((phrase) => !there.includes(phrase));
      const others = there.filter((phrase) => !here.includes(phrase));
      const expected = kind === "presence" ? [0, 1] : [1, 1];
      expect([own.length, others.length].sort()).to.deep.equal(expected);
      expect(here.filter((phrase) => !own.includes(phrase))).to.deep.equal(
        there.filter((phrase) => !others.includes(phrase)),
      );
      if (kind !== "presence") expect(here.indexOf(own[0]!)).to.equal(there.indexOf(others[0]!));
    }
  });

  it("of kind object exchange the name of one object in its place", () => {
    for (const { chosen, rejected } of ofKind("object")) {
      const [[here], [there]] = differences(chosen, rejected);
      expect(here!.name).not.to.equal(there!.name);
      expect(key({ ...here!, name: there!.name })).to.equal(key(there!));
      expect(rejected.objects.length).to.equal(chosen.objects.length);
      expect(chosen.objects.map(({ name }) => name)).not.to.include(there!.name);
    }
  });

  it("of kind presence have one object more or less, of a name that the other lacks; of kind count one of a name it has", () => {
    for (const { kind, chosen, rejected } of [...ofKind("presence"), ...ofKind("count")]) {
      const [here, there] = differences(chosen, rejected);
      expect([here.length, there.length].sort()).to.deep.equal([0, 1]);
      const extra = [...here, ...there][0]!;
      const fewer = here.length === 0 ? chosen : rejected;
      expect(fewer.objects.some(({ name }) => name === extra.name)).to.equal(kind === "count");
      expect(fewer.objects.length).to.be.at.least(1);
    }
  });

  it("of kind position hold two objects that keep everything but their cells", () => {
    for (const { detail, chosen, rejected } of ofKind("position")) {
      const places = ({ objects }: Scene): string[] => objects.map((object) => key({ ...object, cell: 0 })).sort();
      expect(chosen.objects.length).to.equal(2);
      expect(places(rejected)).to.deep.equal(places(chosen));
      const moved = differences(chosen, rejected)[0].length;
      expect(moved).to.equal(detail.startsWith("exchanged") ? 2 : 1);
    }
  });

  it("of kind attribute change the colour of one tile", () => {
    for (const { chosen, rejected } of ofKind("attribute")) {
      const [[here, ...more], [there]] = differences(chosen, rejected);
      expect(more).to.deep.equal([]);
      expect(here!.tile).to.be.a("string").and.not.equal(there!.tile);
      expect(there!.tile).to.be.a("string");
      expect(key({ ...here!, tile: there!.tile })).to.equal(key(there!));
    }
  });

  it("are what their detail says", () => {
    for (const { kind, detail, chosen, rejected } of rows) {
      if (kind !== "object" && kind !== "presence") continue;
      const [here, there] = differences(chosen, rejected).map(([object]) => object?.name);
      const names = chosen.objects.map(({ name }) => name);
      const others = names.filter((name) => name !== here);
      switch (detail.replace("_question", "")) {
        case "far":
          expect(familyOf(there!)).not.to.equal(familyOf(here!));
          expect(names.map(companionOf)).not.to.include(there);
          break;
        case "family":
          expect(familyOf(there!)).to.equal(familyOf(here!));
          break;
        case "companion":
          expect((others.length > 0 ? others : [here!]).map(companionOf)).to.include(there);
          break;
        case "added_companion":
          expect(names.map(companionOf)).to.include(there);
          break;
        case "removed_companion":
          expect(rejected.objects.map(({ name }) => companionOf(name))).to.include(here);
          break;
        case "added":
          expect(names.map(companionOf)).not.to.include(there);
          break;
        default:
          expect(detail).to.match(/^removed(_question)?$/);
          expect(rejected.objects.map(({ name }) => companionOf(name))).not.to.include(here);
      }
    }
  });

  it("name the words in which their texts differ", () => {
    for (const { chosen, rejected, phrase, chosenWord, rejectedWord } of rows) {
      const words = [chosen, rejected].map((scene) => phrase.answer(scene).toLowerCase().match(/\w+/g) ?? []);
      if (chosenWord !== null) expect(words[0]).to.include(chosenWord).and.not.include(rejectedWord);
      if (rejectedWord !== null) expect(words[1]).to.include(rejectedWord).and.not.include(chosenWord);
    }
  });

  it("come in the shares of the table of kinds, with their details in turn", () => {
    const share = (of: (row: (typeof rows)[number]) => string): Record<string, number> => {
      const shares: Record<string, number> = {};
      for (const row of rows) shares[of(row)] = (shares[of(row)] ?? 0) + 1;
      return shares;
    };
    expect(share(({ kind }) => kind)).to.deep.equal({
      object: 300,
      presence: 300,
      count: 100,
      position: 100,
      attribute: 100,
    });
    expect(share(({ kind, detail }) => `${kind} ${detail.replace("_question", "")}`)).to.deep.equal({
      "object far": 100,
      "object companion": 100,
      "object family": 100,
      "presence added_companion": 90,
      "presence removed_companion": 90,
      "presence added": 60,
      "presence removed": 60,
      "count more_one_two": 25,
      "count fewer_one_two": 25,
      "count more_two_three": 25,
      "count fewer_two_three": 25,
      "position exchanged": 50,
      "position moved": 50,
      "attribute tile": 100,
    });
  });

  it("are phrased as questions at the rate asked for, as often answered yes as no", () => {
    const questions = rows.filter(({ phrase, chosen }) => /^(Yes|No)\.$/.test(phrase.answer(chosen)));
    // Standard error of the rate over 900 rows: 0.0144.
    expect(questions.length / ROWS).to.be.closeTo(0.25, 0.06);
    const yes = questions.filter(({ phrase, chosen }) => phrase.answer(chosen) === "Yes.").length;
    expect(yes / questions.length).to.be.within(0.38, 0.62);
    expect(questions.every(({ detail }) => detail.endsWith("_question"))).to.equal(true);
    for (let row = 0; row < 40; row++) {
      const asked = sampleContrast(1, row, { kinds: KINDS, questionRate: 1 });
      expect(truthOf(asked.chosen, asked.phrase.text)).to.be.a("boolean");
      const { statement, phrase } = sampleContrast(1, row, { kinds: KINDS });
      expect(phrase).to.equal(statement);
    }
  });

  it("take both layouts from the train split and keep the background", () => {
    for (const { chosen, rejected } of rows) {
      expect(splitOf(layoutKey(chosen))).to.equal("train");
      expect(splitOf(layoutKey(rejected))).to.equal("train");
      expect(chosen.background).to.equal(rejected.background);
    }
  });

  it("are those of the kinds chosen, and of all in turn where none is", () => {
    const kindsOf = (options: ContrastOptions): string[] =>
      Array.from({ length: 9 }, (_, row) => sampleContrast(2, row, options).kind);
    expect(kindsOf({ kinds: ["position"] })).to.deep.equal(new Array(9).fill("position"));
    expect(kindsOf({ kinds: ["count", "attribute"] }).slice(0, 2)).to.deep.equal(["count", "attribute"]);
    expect(kindsOf({})).to.deep.equal(kindsOf({ kinds: KINDS }));
    expect(kindsOf({}).sort()).to.deep.equal([
      ...["attribute", "count"],
      ...["object", "object", "object"],
      "position",
      ...["presence", "presence", "presence"],
    ]);
    for (let row = 0; row < 100; row++) {
      const { chosen, rejected, phrase } = sampleContrast(3, row, { kinds: ["object", "presence"] });
      for (const { objects } of [chosen, rejected]) {
        expect(new Set(objects.map(({ name }) => name)).size).to.equal(objects.length);
        expect(objects.every(({ tile }) => tile === null)).to.equal(true);
      }
      expect(phrase.text).to.equal("Describe the picture.");
    }
  });

  it("refuse kinds that there are not", () => {
    expect(readKinds("all")).to.deep.equal(KINDS);
    expect(readKinds("count, object")).to.deep.equal(["object", "count"]);
    expect(() => readKinds("objects")).to.throw(
      UserError,
      'kinds: found "objects", expected all or some of object,presence,count,position,attribute',
    );
    expect(() => sampleContrast(1, 0, { kinds: [] })).to.throw(UserError, "kinds: found none");
  });
});
