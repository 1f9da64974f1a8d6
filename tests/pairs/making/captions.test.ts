import { expect } from "chai";
import { openContext, RejectedTextMaker, TEXT_CONTRAST_KINDS } from "../../../src/pairs/making/make-rejected.js";
import type { MakingRow } from "../../../src/pairs/making/making-row.js";

const KINDS = ["object", "attribute", "count", "relation", "presence"] as const;
type Kind = (typeof KINDS)[number];

/**
 * Captions as people write them, and the words that may be given up for each kind (object, attribute, count, relation,
 * presence; "-" for none). "!" asks for at least one text of the kind, of any of its words; "+" stands for an addition.
 */
const CAPTIONS: readonly (readonly [caption: string, ...words: string[]])[] = [
  ["A man riding a wave on top of a surfboard.", "! man, surfboard", "-", "a man, a surfboard", "! on top of", "+"],
  [
    "Two dogs are playing with a frisbee in the grass.",
    "! dogs, frisbee",
    "-",
    "! two dogs, a frisbee",
    "-",
    "+, frisbee",
  ],
  ["A black and white cat sleeps on a wooden bench.", "! cat, bench", "! wooden", "a black and white cat", "! on", "-"],
  ["There is a clock on the wall above a table.", "! clock, wall, table", "-", "! a clock", "! above", "! +, clock"],
  ["A giraffe eating leaves from a tall tree.", "! giraffe, leaves, tree", "! tall", "a giraffe", "-", "-"],
  ["Three people sit at a table with plates of food.", "! table", "-", "! three people", "-", "-"],
  [
    "a bathroom with a white toilet and a sink",
    "! bathroom, toilet, sink",
    "! white",
    "! a white toilet, a sink, a bathroom",
    "-",
    "+",
  ],
  [
    "A train travels down the tracks next to a building.",
    "! train, tracks, building",
    "-",
    "! a train",
    "! next to",
    "-",
  ],
  ["A close up of an orange cat laying on a laptop.", "! cat, laptop", "! orange", "an orange cat", "on", "-"],
  [
    "A young boy holding a baseball bat.",
    "! boy, baseball bat, bat",
    "! young",
    "! a young boy, a baseball bat",
    "-",
    "-",
  ],
  [
    "The woman holds a red umbrella near a parked car.",
    "! woman, umbrella, car",
    "! red",
    "! a red umbrella, a parked car",
    "-",
    "+",
  ],
  ["A couple of zebras standing in a field.", "! zebras, field", "-", "-", "-", "-"],
  ["A plate of pizza sits on the table next to a glass of wine.", "! table", "-", "-", "! on, next to", "-"],
  [
    "A kitchen with a stove, a refrigerator and a microwave.",
    "! kitchen, stove, refrigerator, microwave",
    "-",
    "! a stove, a refrigerator, a microwave",
    "-",
    "+",
  ],
  [
    "There are two elephants walking through the river.",
    "! elephants, river",
    "-",
    "! two elephants",
    "-",
    "! elephants, +",
  ],
  ["A woman in a blue dress is talking on her phone.", "! dress, phone", "! blue", "-", "-", "-"],
  ["A small bird perched on the branch of a tree.", "! bird", "! small", "a small bird", "-", "-"],
  ["A red double-decker bus drives down the street.", "! bus, street", "red", "a red double-decker bus", "-", "-"],
  [
    "An old man sits on a bench reading a newspaper.",
    "! man, bench, newspaper",
    "! old",
    "an old man, a newspaper",
    "! on",
    "-",
  ],
  ["A group of people flying kites on the beach.", "! kites, beach", "-", "-", "-", "-"],
  ["Two men are playing tennis on a court.", "! men, court", "-", "! two men", "-", "-"],
  ["A cow stands behind a fence.", "! cow, fence", "-", "! a cow", "! behind", "-"],
  [
    "A teddy bear sitting in a chair with a book.",
    "! teddy bear, chair, book",
    "-",
    "! a teddy bear, a book",
    "-",
    "! book, +",
  ],
  ["The motorcycle is parked in front of a store.", "! motorcycle, store", "-", "-", "! in front of", "-"],
  ["A dog wearing a hat sits inside a car.", "! dog, hat, car", "-", "-", "! inside", "-"],
  ["A boat floating on the water under a bridge.", "! boat, bridge", "-", "! a boat", "! under", "-"],
  ["A vase with flowers sits on a table.", "! vase, flowers, table", "-", "-", "! on", "-"],
  ["The car is red.", "! car", "! red", "-", "-", "-"],
  ["A large airplane is flying in the sky.", "! airplane", "! large", "! a large airplane", "-", "-"],
  ["A stop sign stands to the left of a tree.", "! stop sign, tree", "-", "a stop sign", "! to the left of", "-"],
  ["A child brushes his teeth with a toothbrush.", "! toothbrush", "-", "-", "-", "toothbrush, +"],
  // Nothing is safe to say of what is denied.
  ["There is no dog in the kitchen.", "-", "-", "-", "-", "-"],
  ["A street without any cars.", "-", "-", "-", "-", "-"],
  ["The room is not empty and has a bed.", "-", "-", "-", "-", "-"],
  // Idioms, substances and bare nouns.
  ["A man in bed.", "! man", "-", "! a man", "-", "+"],
  ["Snow covers the ground.", "-", "-", "-", "-", "-"],
  ["A bowl of soup.", "-", "-", "-", "-", "-"],
  ["A slice of cake on a plate.", "! plate", "-", "-", "! on", "-"],
  ["A pair of scissors on a desk.", "! desk", "-", "-", "! on", "-"],
  ["Someone is cooking pasta.", "-", "-", "-", "-", "-"],
  ["It is raining.", "-", "-", "-", "-", "-"],
  ["A black and white photo of a train station.", "! train station", "-", "a train station", "-", "-"],
  // The same thing is named again.
  ["A dog and another dog play.", "-", "-", "-", "-", "-"],
  ["A dog looks at a puppy.", "-", "-", "-", "-", "-"],
  ["A sofa stands in the living room. The couch is green.", "living room", "! green", "-", "-", "-"],
  // Colours that belong to the name of a kind.
  ["A glass of red wine.", "-", "-", "-", "-", "-"],
  ["A brown bear walks across a road.", "! bear, brown bear, road", "-", "! a brown bear", "-", "-"],
  ["The polar bear swims.", "! polar bear", "-", "-", "-", "-"],
  ["A light blue car and a dark green van.", "car, van", "-", "a light blue car, a dark green van", "-", "+"],
  ["A red, white and blue kite.", "! kite", "-", "a red; white and blue kite", "-", "+"],
  // Articles before sounds, irregular and unchanged plurals.
  [
    "A unicorn statue and an hourglass.",
    "unicorn statue, hourglass, statue",
    "-",
    "a unicorn statue, an hourglass",
    "-",
    "+",
  ],
  ["An umbrella lies under a chair.", "! umbrella, chair", "-", "an umbrella", "! under", "-"],
  ["Three sheep graze.", "-", "-", "-", "-", "-"],
  ["Four geese and a wolf.", "! geese, wolf", "-", "! four geese, a wolf", "-", "+"],
  ["Five women watch two children.", "-", "-", "! five women, two children", "-", "-"],
  ["There are 3 buses.", "! buses", "-", "! 3 buses", "-", "! buses, +"],
  ["One knife and two forks.", "! knife, forks", "-", "! one knife, two forks", "-", "+"],
  // Words that a tagger or a list of endings takes for something else.
  ["A bus.", "! bus", "-", "! a bus", "-", "! +"],
  ["A skateboarder does a trick down some stairs.", "stairs", "-", "a skateboarder", "-", "-"],
  ["A lady with glasses.", "! glasses, lady", "-", "! a lady", "-", "+"],
  ["The dog's bowl is on the floor.", "floor", "-", "-", "-", "-"],
  ["Number 5 bus stops here.", "-", "-", "-", "-", "-"],
  ["At least two cars are visible.", "! cars", "-", "-", "-", "-"],
  ["A man holds his hat while he runs.", "! hat", "-", "-", "-", "-"],
  ["He sits on the left side of the bus.", "bus", "-", "-", "on the left side of", "-"],
  [
    "A cat sits on the couch. It looks at a bird outside the window.",
    "! cat, couch, bird, window",
    "-",
    "-",
    "! on",
    "-",
  ],
  ["A cup of coffee and a laptop are on the desk.", "! laptop, desk", "-", "-", "! on", "-"],
  ["The traffic light turned green.", "-", "-", "-", "-", "-"],
  ["A THREE-WHEELED BICYCLE", "-, bicycle", "-", "-", "-", "-"],
  ["Ein Hund und eine Katze.", "-", "-", "-", "-", "-"],
  ["", "-", "-", "-", "-", "-"],
  ["!!!", "-", "-", "-", "-", "-"],
  ["🐕 on a beach 🏖️", "beach", "-", "-", "-", "-"],
];

const SEEDS = [1, 2, 3, 4, 5, 6];

function rowOf(chosen: string, at: number): MakingRow {
  return { id: `caption-${at}`, chosen, objects: null, counts: null, attributes: null, captions: [] };
}

describe("texts made of captions", function () {
  this.timeout(120_000);
  const rows = CAPTIONS.map(([caption], at) => rowOf(caption, at));
  const made = new Map<string, { rejected: string; chosenWord: string | null; rejectedWord: string | null }[]>();

  before(() => {
    const context = openContext();
    for (const row of rows) new RejectedTextMaker({ seed: 0, context }).learn(row);
    for (const kind of TEXT_CONTRAST_KINDS) {
      for (const seed of SEEDS) {
        const maker = new RejectedTextMaker({ seed, kinds: [kind], context });
        for (const row of rows) {
          const contrast = maker.make(row);
          const key = `${kind.name}/${row.id}`;
          if (contrast !== null) made.set(key, [...(made.get(key) ?? []), contrast]);
        }
      }
    }
  });

  for (const [at, [caption, ...expected]] of CAPTIONS.entries()) {
    it(caption === "" ? "(empty)" : caption, () => {
      for (const [number, kind] of KINDS.entries()) {
        const wish = expected[number] as string;
        const allowed = wish
          .replace("!", "")
          .split(",")
          .map((word) => word.trim().replace(";", ","));
        const texts = made.get(`${kind}/caption-${at}`) ?? [];
        if (wish.includes("!")) expect(texts, kind).to.not.be.empty;
        for (const text of texts) {
          expect(allowed, `${kind}: ${text.rejected}`).to.include(text.chosenWord ?? "+");
          check(caption, text, kind);
        }
      }
    });
  }
});

/** What holds for every made text: grammar that can be told from the outside, and that the rest of the caption stays. */
function check(
  caption: string,
  { rejected, chosenWord, rejectedWord }: { rejected: string; chosenWord: string | null; rejectedWord: string | null },
  kind: Kind,
): void {
  expect(rejected).to.not.equal(caption);
  expect(rejected).to.not.match(/ {2}|\s[.,]|\ba [aeiou](?!ni|ne)|\ban [bcdfgjklmnpqrstvwxyz]/i);
  expect(rejected).to.not.match(
    /\b(?:two|three|four|five|six|seven|eight|nine) (?:\w+ )?(?:is|was|has)\b|\bare a\b|\bThere are an?\b/i,
  );
  if (/^\p{Lu}/u.test(caption)) expect(rejected).to.match(/^\p{Lu}/u);
  expect(rejected.endsWith(".")).to.equal(caption.endsWith("."));
  if (rejectedWord !== null) expect(rejected.toLowerCase()).to.include(rejectedWord);
  if (chosenWord !== null) expect(caption.toLowerCase()).to.include(chosenWord);
  const grammar =
    /^(?:two|3|an?|is|are|was|were|does|do|no|and|with|without|sits?|stands?|lies?|walks?|travels?|sleeps?|drives?)$/;
  const words = (text: string): string[] => text.toLowerCase().match(/[\p{L}\p{N}'-]+/gu) ?? [];
  const changed = new Set([...words(chosenWord ?? ""), ...words(rejectedWord ?? "")]);
  const kept = (text: string): string[] => words(text).filter((word) => !changed.has(word) && !grammar.test(word));
  expect(kept(rejected), `${kind}: ${rejected}`).to.deep.equal(kept(caption));
}
