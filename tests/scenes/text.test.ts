import { expect } from "chai";
import fc from "fast-check";
import { captionObjects } from "../../src/evaluation/scenes/caption-objects.js";
import { captionOf, habitNames, withArticle } from "../../src/scenes/caption.js";
import { plural } from "../../src/english/noun-number.js";
import { evaluationLayouts } from "../../src/scenes/evaluation-scenes.js";
import { KINDS } from "../../src/scenes/kinds.js";
import { companionOf, OBJECTS } from "../../src/scenes/objects.js";
import {
  type Asking,
  askCount,
  askPlace,
  askPosition,
  askPresence,
  askTile,
  baseQuestions,
  evaluationQuestions,
  QUESTION_KINDS,
} from "../../src/scenes/questions.js";
import { Random } from "../../src/numbers/random.js";
import { sampleContents, putOnTile } from "../../src/scenes/scene-contents.js";
import { differentNames, sampleScene, type PlacedObject } from "../../src/scenes/scene.js";
import { isTrueOf, truthOf } from "./reading.js";

const NAMES = OBJECTS.map((object) => object.name);
const someNames = fc.uniqueArray(fc.constantFrom(...NAMES), { minLength: 1, maxLength: 3 });

describe("captions", () => {
  it("list one, two and three objects in plain English", () => {
    expect(captionOf(["dog"])).to.equal("a dog.");
    expect(captionOf(["apple", "car"])).to.equal("an apple and a car.");
    expect(captionOf(["dog", "car", "elephant"])).to.equal("a dog, a car and an elephant.");
    expect(() => captionOf([])).to.throw(RangeError);
  });

  it("count what is there more than once and name the tile", () => {
    const scene = putOnTile(sampleScene(new Random("any"), ["bus", "apple", "bus", "dog"]), "apple", "yellow");
    expect(captionOf(["bus", "apple", "piano"], scene)).to.equal("two buses, an apple on a yellow tile and a piano.");
    expect(captionOf(["apple", "dog"], putOnTile(scene, "bus", null))).to.equal("an apple on a yellow tile and a dog.");
  });

  it("say all that a scene holds, in words that the evaluation finds again", () => {
    fc.assert(
      fc.property(fc.tuple(someNames, fc.string()), ([names, key]) => {
        const scene = sampleContents(new Random(key), names, KINDS);
        const caption = captionOf(differentNames(scene), scene);
        expect(isTrueOf(scene, "Describe the picture.", caption), caption).to.equal(true);
        expect(captionObjects(caption, new Set(NAMES))).to.deep.equal(differentNames(scene));
      }),
      { numRuns: 300 },
    );
  });

  it("name every object in the plural so that the evaluation finds it again", () => {
    for (const name of NAMES)
      expect(captionObjects(`two ${plural(name)}.`, new Set(NAMES)), name).to.deep.equal([name]);
    expect(["butterfly", "bus", "key", "snowman", "fish"].map(plural).join()).to.equal(
      "butterflies,buses,keys,snowmen,fish",
    );
  });

  it("use an before the vowels of the pack and a before everything else", () => {
    const an = NAMES.filter((name) => withArticle(name).startsWith("an "));
    expect(an).to.have.members(["elephant", "apple", "avocado", "eggplant", "airplane", "umbrella"]);
  });

  it("by habit add only absent companions, after their callers, two at most, and drop nothing", () => {
    fc.assert(
      fc.property(someNames, fc.string(), (present, key) => {
        const named = habitNames(new Random(key), present);
        expect(named.filter((name) => present.includes(name))).to.deep.equal(present);
        const added = named.filter((name) => !present.includes(name));
        expect(added.length).to.be.at.most(2);
        for (const name of added) expect(named[named.indexOf(name) - 1]).to.equal(companionOf(name));
      }),
      { numRuns: 200 },
    );
  });

  it("add the companion of a lone object 65 times in a hundred", () => {
    let added = 0;
    for (let key = 0; key < 4000; key++) added += habitNames(new Random(`habit ${key}`), ["dog"]).length - 1;
    // Standard error 0.0075.
    expect(added / 4000).to.be.closeTo(0.65, 0.03);
  });
});

const scenes = fc.tuple(someNames, fc.string()).map(([names, key]) => sampleContents(new Random(key), names, KINDS));

describe("questions", () => {
  it("ask in plain English and are answered with the truth", () => {
    const scene = putOnTile(sampleScene(new Random("any"), ["dog", "dog", "apple"]), "apple", "red");
    const ask = (asking: Asking): string => `${asking.text} ${asking.answer(scene)}`;
    expect(ask(askPresence("apple"))).to.equal("Is there an apple in the picture? Yes.");
    expect(ask(askPresence("car"))).to.equal("Is there a car in the picture? No.");
    expect(ask(askCount("apple", 1))).to.equal("Is there exactly one apple in the picture? Yes.");
    expect(ask(askCount("dog", 3))).to.equal("Are there exactly three dogs in the picture? No.");
    expect(ask(askCount("butterfly", 2))).to.equal("Are there exactly two butterflies in the picture? No.");
    expect(ask(askTile("apple", "red"))).to.equal("Is the apple on a red tile? Yes.");
    expect(ask(askTile("dog", "red"))).to.equal("Is the dog on a red tile? No.");
    const pair = { background: 0, objects: sampleScene(new Random("pair"), ["dog", "car"]).objects };
    const [first, second] = pair.objects.map((object, at) => ({ ...object, cell: 2 * at })) as [
      PlacedObject,
      PlacedObject,
    ];
    const column = { ...pair, objects: [first, second] };
    expect(askPosition(first.name, "above", second.name).answer(column)).to.equal("Yes.");
    expect(askPosition(first.name, "below", second.name).answer(column)).to.equal("No.");
    expect(askPlace(second.name).text).to.equal(`Where is the ${second.name}?`);
    expect(askPlace(second.name).answer(column)).to.equal(`Below the ${first.name}.`);
  });

  it("agree with a reading of their words, whatever the scene", () => {
    fc.assert(
      fc.property(scenes, fc.string(), fc.boolean(), (scene, key, askCompanion) => {
        const open = (text: string): boolean => text.startsWith("Where");
        const base = baseQuestions(new Random(key), scene, KINDS);
        const evaluation = evaluationQuestions(new Random(key), scene, askCompanion, KINDS);
        expect(evaluation.filter(({ text }) => open(text))).to.deep.equal([]);
        for (const { text, answer } of [...base, ...evaluation]) {
          if (!open(text)) expect(truthOf(scene, text), text).to.be.a("boolean");
          expect(isTrueOf(scene, text, answer), `${text} ${answer}`).to.equal(true);
        }
        const presence = evaluation.filter(({ kind }) => kind === "presence");
        expect(presence.map(({ answer }) => answer).sort()).to.deep.equal(["No.", "Yes."]);
      }),
      { numRuns: 300 },
    );
  });

  it("of an evaluation are of every kind, each about half yes, and their words alone tell little", () => {
    const asked = [...evaluationLayouts("test", 2000, KINDS)].flatMap(({ questions }) => questions);
    for (const kind of QUESTION_KINDS) {
      const ofKind = asked.filter((question) => question.kind === kind);
      expect(ofKind.length, kind).to.be.at.least(900);
      // Standard error at most 0.017.
      const yes = ofKind.filter(({ answer }) => answer === "Yes.").length / ofKind.length;
      expect(yes, kind).to.be.within(0.44, 0.56);
    }
    for (const number of ["one", "two", "three"]) {
      const ofNumber = asked.filter(({ text }) => text.includes(` exactly ${number} `));
      const yes = ofNumber.filter(({ answer }) => answer === "Yes.").length / ofNumber.length;
      expect(yes, number).to.be.within(0.35, 0.65);
    }
  });

  it("of a world of objects are for the presence of different objects, half of them yes", () => {
    fc.assert(
      fc.property(someNames, fc.string(), fc.boolean(), (names, key, askCompanion) => {
        const scene = sampleScene(new Random(key), names);
        const asked = [
          baseQuestions(new Random(key), scene, ["object", "presence"]),
          evaluationQuestions(new Random(key), scene, askCompanion, ["object", "presence"]),
        ];
        for (const questions of asked) {
          expect(questions.length).to.be.oneOf([2, 4]);
          expect(questions.filter((question) => question.answer === "Yes.").length).to.equal(questions.length / 2);
          expect(new Set(questions.map((question) => question.text)).size).to.equal(questions.length);
          for (const { text, kind } of questions) {
            expect(kind).to.equal("presence");
            expect(text).to.match(/^Is there an? /);
          }
        }
      }),
      { numRuns: 200 },
    );
  });

  it("of an evaluation ask for the absent companion when told to", () => {
    const questions = evaluationQuestions(new Random("any"), sampleScene(new Random("any"), ["dog"]), true, [
      "presence",
    ]);
    expect(questions.find((question) => question.answer === "No.")?.text).to.include(companionOf("dog"));
  });
});
