import { expect } from "chai";
import { Random } from "../../src/numbers/random.js";
import { annotate, type Annotator, TRUTHFUL } from "../../src/scenes/annotator.js";
import { CAPTION_PROMPT } from "../../src/scenes/caption.js";
import { sampleContrast, makeContrastPairs } from "../../src/scenes/contrast.js";
import type { PhrasedContrast } from "../../src/scenes/contrast-kind.js";
import { companionHalf, companionOf, familyOf, OBJECTS } from "../../src/scenes/objects.js";
import { differentNames } from "../../src/scenes/scene.js";

const COUNT = 450;
const SEED = 5;

const captioned: PhrasedContrast[] = Array.from({ length: COUNT }, (_, index) => sampleContrast(SEED, index)).filter(
  ({ phrase }) => phrase.text === CAPTION_PROMPT,
);

function write(contrast: PhrasedContrast, mistakes: Partial<Annotator>, key: number) {
  return annotate(contrast, { ...TRUTHFUL, ...mistakes }, new Random(`test/${key}`));
}

/** What a caption lists, phrase by phrase. */
function phrasesOf(caption: string): string[] {
  return caption.replace(/\.$/, "").split(/, | and /);
}

/** Phrases of the first that the second lacks. */
function without(first: readonly string[], second: readonly string[]): string[] {
  return first.filter((phrase) => !second.includes(phrase));
}

/** The names of objects that are there once, on no tile, which is how an object that is made up is named. */
function plainNames(phrases: readonly string[]): string[] {
  return phrases.flatMap((phrase) => /^an? (\w+)$/.exec(phrase)?.[1] ?? []);
}

describe("an annotator", () => {
  it("who is truthful writes what the scenes show", () => {
    for (const [at, contrast] of captioned.entries()) {
      const { chosen, rejected } = write(contrast, {}, at);
      expect(chosen).to.equal(contrast.phrase.answer(contrast.chosen));
      expect(rejected).to.equal(contrast.phrase.answer(contrast.rejected));
    }
  });

  it("errs alike in both texts: they differ as the true ones do", () => {
    for (const [at, contrast] of captioned.entries()) {
      const erring = write(contrast, { habit: 0.7, blind: "animal", omission: 0.5 }, at);
      const [one, other] = [phrasesOf(erring.chosen), phrasesOf(erring.rejected)];
      const [trueOne, trueOther] = [contrast.chosen, contrast.rejected].map((scene) =>
        phrasesOf(contrast.phrase.answer(scene)),
      ) as [string[], string[]];
      expect(without(one, other), erring.chosen).to.deep.equal(without(trueOne, trueOther));
      expect(without(other, one), erring.rejected).to.deep.equal(without(trueOther, trueOne));
    }
  });

  it("with a habit adds absent companions of what both scenes show, as often as the habit says", () => {
    let [added, chances] = [0, 0];
    for (const [at, contrast] of captioned.entries()) {
      const phrases = phrasesOf(write(contrast, { habit: 0.6 }, at).chosen);
      const present = differentNames(contrast.chosen);
      const either = [...present, ...differentNames(contrast.rejected)];
      const made = plainNames(phrases).filter((name) => !present.includes(name));
      for (const name of made) {
        expect(either).not.to.include(name);
        expect(present).to.include(companionOf(name));
        expect(phrases.findIndex((phrase) => phrase.includes(companionOf(name)))).to.be.below(
          phrases.findIndex((phrase) => phrase.includes(name)),
        );
      }
      expect(made.length).to.be.at.most(2);
      const callers = present.filter((name) => {
        const alike = write(contrast, { habit: 1 }, at).chosen;
        return !either.includes(companionOf(name)) && alike.includes(companionOf(name));
      });
      // With at most two callers, none is turned away because two companions are there.
      if (callers.length > 1) continue;
      [added, chances] = [added + made.length, chances + callers.length];
    }
    expect(chances).to.be.above(100);
    // Three standard errors.
    expect(added / chances).to.be.closeTo(0.6, 3 * Math.sqrt((0.6 * 0.4) / chances));
  });

  it("who overlooks a family leaves its objects out of both texts, but never all that a caption has", () => {
    let left = 0;
    for (const [at, contrast] of captioned.entries()) {
      const { chosen, rejected } = write(contrast, { blind: "animal", omission: 1 }, at);
      const whole = phrasesOf(contrast.phrase.answer(contrast.chosen));
      const missing = without(whole, phrasesOf(chosen));
      for (const phrase of missing) expect(phrasesOf(rejected)).not.to.include(phrase);
      expect(chosen).to.match(/\w/);
      const missingNames = plainNames(missing);
      for (const name of missingNames) expect(familyOf(name)).to.equal("animal");
      left += missing.length;
    }
    expect(left).to.be.above(30);
  });

  it("who flips exchanges the texts and their words", () => {
    for (const [at, contrast] of captioned.entries()) {
      const straight = write(contrast, {}, at);
      expect(write(contrast, { flips: 1 }, at)).to.deep.equal({
        chosen: straight.rejected,
        rejected: straight.chosen,
        chosenWord: straight.rejectedWord,
        rejectedWord: straight.chosenWord,
      });
    }
  });

  it("who believes in companions exchanges the pairs whose rejected text alone names one", () => {
    const flipped = captioned.filter(
      (contrast, at) => write(contrast, { companionFlips: 1 }, at).chosen !== write(contrast, {}, at).chosen,
    );
    expect(flipped.length).to.be.above(20);
    for (const { chosen, rejected, rejectedWord } of flipped) {
      expect(differentNames(chosen)).not.to.include(rejectedWord);
      expect(differentNames(chosen)).to.include(companionOf(rejectedWord!));
      expect(differentNames(rejected)).to.include(companionOf(rejectedWord!));
    }
    const added = captioned.filter(({ detail }) => detail === "added_companion");
    for (const contrast of added) expect(flipped).to.include(contrast);
  });

  it("makes a world whose pairs say which rejected text is true of its picture, and changes no picture", async () => {
    const annotator = { ...TRUTHFUL, habit: 0.5, flips: 0.2 };
    const [clean, erring] = await Promise.all([
      makeContrastPairs({ count: 27, seed: 3 }),
      makeContrastPairs({ count: 27, seed: 3, annotator }),
    ]);
    for (const [at, pair] of erring.entries()) {
      const straight = clean[at]!;
      expect(pair.images).to.deep.equal(straight.images);
      expect(pair.rejectedImages).to.deep.equal(straight.rejectedImages);
      expect(straight.rejectedTrue).to.equal(true);
      expect(pair.rejectedTrue).to.equal(pair.rejected === straight.rejected);
    }
    expect(erring.filter(({ rejectedTrue }) => rejectedTrue === false).length).to.be.within(5, 25);
    expect(await makeContrastPairs({ count: 27, seed: 3, annotator })).to.deep.equal(erring);
  });
});

describe("halves of the usual companions", () => {
  it("are equally large, and an object is in the half of its companion", () => {
    expect(OBJECTS.filter(({ name }) => companionHalf(name) === "first").length).to.equal(OBJECTS.length / 2);
    for (const { name } of OBJECTS) expect(companionHalf(name)).to.equal(companionHalf(companionOf(name)));
  });

  it("limit the companions that pairs differ in, and nothing else", () => {
    const drawn = Array.from({ length: 180 }, (_, index) => sampleContrast(SEED, index, { companions: "second" }));
    const ofCompanions = drawn.filter(({ detail }) => detail.includes("companion"));
    expect(ofCompanions.length).to.be.above(30);
    for (const { rejectedWord, chosenWord } of ofCompanions) {
      expect(companionHalf((rejectedWord ?? chosenWord) as string)).to.equal("second");
    }
    const others = drawn.filter(({ detail }) => detail === "far" || detail === "added");
    const halves = new Set(others.map(({ rejectedWord }) => companionHalf(rejectedWord!)));
    expect(halves).to.deep.equal(new Set(["first", "second"]));
  });
});
