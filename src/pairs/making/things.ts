import { WordNet } from "../../english/wordnet.js";

/** What a noun stands for, as far as replacing it is concerned. */
export type ThingClass = "thing" | "place" | "person";

/** Classes by WordNet synset, named by a word and the number of its sense; the first that fits is taken. */
const ROOTS: readonly (readonly [word: string, sense: number, ThingClass])[] = [
  ["person", 0, "person"],
  ["people", 0, "person"],
  ["room", 0, "place"],
  ["building", 0, "place"],
  ["way", 5, "place"],
  ["body of water", 0, "place"],
  ["geological formation", 0, "place"],
  ["tract", 0, "place"],
  ["geographical area", 0, "place"],
  ["land", 3, "place"],
  ["facility", 0, "place"],
  ["artifact", 0, "thing"],
  ["animal", 0, "thing"],
  ["food", 0, "thing"],
  ["food", 1, "thing"],
  ["plant", 1, "thing"],
];

/** Nouns whose things images show but which name no single thing of a kind, or a part, side or view of one. */
const VAGUE = new Set(
  (
    "air area arrangement array artifact assortment back background bit body border bottom bunch center centre close-up cluster collection " +
    "color colour column competition corner couple course crowd cut design display edge end event exterior figure flock foreground ground sky " +
    "form formation front game group half head herd image inside interior item kind layer length level line lot lots match meal middle " +
    "mess number object outdoors outside pack pair part pattern perspective photo photograph picture piece pile place portion portrait pose " +
    "position print product rest row scene section selection series set setting shape shot side sign size slice sort space spot stack style " +
    "surface team thing time top trick type variety version view wave way work world " +
    "animal clothes clothing decoration dish equipment food fruit furniture material meat plant product structure tool " +
    "vegetable vehicle weapon"
  ).split(" "),
);

/** Things that are so often there without being named that a caption's silence does not mean they are absent. */
const SELDOM_NAMED = new Set(
  (
    "air belt blouse branch button ceiling cloth collar counter cover curtain door doorway fabric floor flower footwear frame garment " +
    "glasses handle hair jacket jean lamp leaf leash leg light lid mirror pants path pavement plant pocket pole rail roof screen seat shade shadow shelf shirt " +
    "shoe sidewalk skin skirt sleeve sock stem stick street string strap sweater table tail tile tire tree trim trousers wall wheel window windshield wing wire wood"
  ).split(" "),
);

/** Words for the same thing, or for one that can hardly be told from it, that WordNet keeps apart. */
const ALIKE: readonly ReadonlySet<string>[] = (
  "cup mug;bag backpack purse handbag rucksack luggage suitcase;kitten cat;puppy dog;calf cow bull cattle ox;lamb sheep;foal pony horse;duckling duck;" +
  "chick chicken hen rooster;cub bear lion tiger;rock stone boulder;plane jet airplane airliner aeroplane aircraft;boat ship vessel;" +
  "tv television monitor screen computer laptop;phone cellphone smartphone telephone;van truck car suv taxi cab minivan;" +
  "motorcycle motorbike moped scooter bike;cap hat helmet;racket racquet;hill mountain;rug carpet mat;stove oven;" +
  "fridge refrigerator;bun roll bread sandwich burger hamburger;donut pastry cake;lake pond river ocean sea water;" +
  "road street highway path;meadow field pasture yard lawn park;can tin jar bottle;bus coach;sofa couch loveseat futon;" +
  "desk table counter;plate dish bowl platter saucer;painting picture poster;sign signpost;lamp light lantern;elephant calf;train locomotive tram"
)
  .split(";")
  .map((words) => new Set(words.split(" ")));

const MEN = "man boy guy gentleman".split(" ");
const WOMEN = "woman girl lady lady".split(" ");

/** Knows which nouns are things that an image can show, and which of them exclude each other. */
export class Things {
  readonly wordnet = new WordNet();
  readonly #classes = new Map<string, ThingClass | undefined>();
  readonly #bodyPart: number | undefined;
  readonly #roots: readonly (readonly [synset: number, ThingClass])[];
  readonly #above = new Map<string, { senses: readonly number[]; ancestors: ReadonlySet<number> }>();
  readonly #proximities = new Map<string, number>();

  constructor() {
    this.#bodyPart = this.wordnet.senses("body part")[0];
    this.#roots = ROOTS.flatMap(([word, sense, kind]) => {
      const synset = this.wordnet.senses(word)[sense];
      return synset === undefined ? [] : [[synset, kind] as const];
    });
  }

  /**
   * What a noun stands for, by the first of its senses that is a thing.
   *
   * @param term - Singular, lower-case.
   * @returns Undefined for what is no thing, place or person, and for words too vague to be replaced.
   */
  classOf(term: string): ThingClass | undefined {
    if (this.#classes.has(term)) return this.#classes.get(term);
    const found = VAGUE.has(term) ? undefined : this.#findClass(term);
    remember(this.#classes, term, found);
    return found;
  }

  /** Whether a caption that does not name a thing says that it is absent. */
  isUsuallyNamed(term: string): boolean {
    return !SELDOM_NAMED.has(term.slice(term.lastIndexOf(" ") + 1));
  }

  /** The person of the other sex; undefined for other nouns. */
  counterpart(term: string): string | undefined {
    const man = MEN.indexOf(term);
    const woman = WOMEN.indexOf(term);
    return man >= 0 ? WOMEN[man] : woman >= 0 ? MEN[woman] : undefined;
  }

  /** Whether two nouns can name the same thing: one word, a shared sense, or one a kind of the other. */
  mayBeSame(first: string, second: string): boolean {
    if (first === second || ` ${first}`.endsWith(` ${second}`) || ` ${second}`.endsWith(` ${first}`)) return true;
    if (ALIKE.some((words) => words.has(first) && words.has(second))) return true;
    const one = this.#sensesAndAbove(first);
    const other = this.#sensesAndAbove(second);
    return (
      one.senses.some((sense) => other.ancestors.has(sense)) || other.senses.some((sense) => one.ancestors.has(sense))
    );
  }

  /** How near two nouns are in meaning, 0 to 1; 0 where WordNet lacks one. */
  proximity(first: string, second: string): number {
    const key = first < second ? `${first}|${second}` : `${second}|${first}`;
    let known = this.#proximities.get(key);
    if (known === undefined) {
      known = this.wordnet.proximity(first, second) ?? 0;
      remember(this.#proximities, key, known);
    }
    return known;
  }

  #findClass(term: string): ThingClass | undefined {
    const senses = this.wordnet.senses(term).slice(0, CLASS_SENSES);
    if (senses.length === 0) {
      // A compound that WordNet lacks is what its last word is.
      const at = term.lastIndexOf(" ");
      return at < 0 ? undefined : this.classOf(term.slice(at + 1));
    }
    // A tooth of a wheel is a thing, but not what captions mean.
    if (this.#bodyPart !== undefined && this.wordnet.ancestors(senses[0] as number).has(this.#bodyPart))
      return undefined;
    const classes = senses.map((sense) => {
      const ancestors = this.wordnet.ancestors(sense);
      return this.#roots.find(([synset]) => ancestors.has(synset))?.[1];
    });
    // Of "carrot" and "kite" the thing comes second; a hand or a star is no person.
    return classes[0] ?? classes.find((kind) => kind !== undefined && kind !== "person");
  }

  #sensesAndAbove(term: string): { senses: readonly number[]; ancestors: ReadonlySet<number> } {
    let known = this.#above.get(term);
    if (known === undefined) {
      const senses = this.wordnet.senses(term).slice(0, SENSES);
      known = { senses, ancestors: new Set(senses.flatMap((sense) => [...this.wordnet.ancestors(sense).keys()])) };
      remember(this.#above, term, known);
    }
    return known;
  }
}

const CLASS_SENSES = 3;
const SENSES = 2;
const MOST_REMEMBERED = 200_000;

function remember<T>(known: Map<string, T>, key: string, value: T): void {
  if (known.size >= MOST_REMEMBERED) known.clear();
  known.set(key, value);
}
