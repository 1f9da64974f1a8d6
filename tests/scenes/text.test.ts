import { expect } from "chai";
import fc from "fast-check";
import { captionOf, habitNames, withArticle } from "../../src/scenes/caption.js";
import { companionOf, OBJECTS } from "../../src/scenes/objects.js";
import { baseQuestions, evaluationQuestions, objectAsked, questionAbout } from "../../src/scenes/questions.js";
import { Random } from "../../src/scenes/random.js";

const NAMES = OBJECTS.map((object) => object.name);
const someNames = fc.uniqueArray(fc.constantFrom(...NAMES), { minLength: 1, maxLength: 3 });

describe("captions", () => {
  it("list one, two and three objects in plain English", () => {
    expect(captionOf(["dog"])).to.equal("a dog.");
    expect(captionOf(["apple", "car"])).to.equal("an apple and a car.");
    expect(captionOf(["dog", "car", "elephant"])).to.equal("a dog, a car and an elephant.");
    expect(() => captionOf([])).to.throw(RangeError);
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

describe("questions", () => {
  it("are answered with the truth and name their object", () => {
    expect(questionAbout("apple", ["dog"])).to.deep.equal({
      text: "Is there an apple in the picture?",
      answer: "No.",
      object: "apple",
    });
    expect(questionAbout("dog", ["dog"]).answer).to.equal("Yes.");
    expect(objectAsked("Is there an apple in the picture?")).to.equal("apple");
    expect(objectAsked("Describe the picture.")).to.equal(null);
  });

  it("are half yes, about different objects", () => {
    fc.assert(
      fc.property(someNames, fc.string(), fc.boolean(), (present, key, askCompanion) => {
        const asked = [
          baseQuestions(new Random(key), present),
          evaluationQuestions(new Random(key), present, askCompanion),
        ];
        for (const questions of asked) {
          expect(questions.length).to.be.oneOf([2, 4]);
          expect(questions.filter((question) => question.answer === "Yes.").length).to.equal(questions.length / 2);
          expect(new Set(questions.map((question) => question.object)).size).to.equal(questions.length);
          for (const { object, answer } of questions) expect(answer === "Yes.").to.equal(present.includes(object));
        }
      }),
      { numRuns: 200 },
    );
  });

  it("of an evaluation ask for the absent companion when told to", () => {
    const questions = evaluationQuestions(new Random("any"), ["dog"], true);
    expect(questions.find((question) => question.answer === "No.")?.object).to.equal(companionOf("dog"));
  });
});
