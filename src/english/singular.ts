/** Plurals that no ending gives away; words that end in one of them share its singular ("women"). */
const IRREGULAR: readonly (readonly [plural: string, singular: string])[] = (
  "atlantes:atlas atlases:atlas axes:axe beeves:beef brethren:brother children:child corpora:corpus corpuses:corpus " +
  "feet:foot ganglia:ganglion geese:goose genera:genus genii:genie graffiti:graffito helves:helve kine:cow leaves:leaf " +
  "loaves:loaf men:man mongooses:mongoose monies:money moves:move mythoi:mythos numena:numen octopodes:octopus opera:opus opuses:opus our:my " +
  "oxen:ox people:person sexes:sex soliloquies:soliloquy teeth:tooth testes:testis trilbys:trilby turves:turf zoa:zoon"
)
  .split(" ")
  .map((pair) => pair.split(":") as unknown as readonly [string, string]);

/** Words that look like plurals and stay as they are; so does every word that is the end of one of them. */
const UNCHANGED = (
  "bison breeches britches chassis christmas clippers contretemps corps debris diabetes gallows graffiti georgia " +
  "happiness headquarters herpes high-jinks innings jackanapes mathematics measles mews mumps news pincers pliers " +
  "proceedings progress rabies rice scissors series shears species swiss"
).split(" ");

/** Plurals in -ies whose singular ends in -ie; the official singularizer leaves them as they are. */
const IN_IE = (
  "auntie beanie birdie bogie collie cookie cutie doggie eyrie freebie goonie groupie hankie hippie hoagie hottie " +
  "indie junkie laddie lingerie meanie newbie nightie oldie pixie quickie reverie rookie softie sortie sweetie techie " +
  "toughie valkyrie veggie weenie yuppie zombie"
)
  .split(" ")
  .map((word) => `${word}s`);

/** Plural endings and their singular; the first that fits is taken. */
const ENDINGS: readonly (readonly [ending: RegExp, singular: string])[] = [
  [/(?<=.)ae$/iu, "a"],
  [/(?<=.itis)$/iu, ""],
  [/(?<=.)eaux$/iu, "eau"],
  [/(?<=quiz)zes$/iu, ""],
  [/(?<=matr)ices$/iu, "ix"],
  [/(?<=ap|vert|ind)ices$/iu, "ex"],
  [/^oxen/iu, "ox"],
  [/(?<=alias|status)es$/iu, ""],
  // Meant for "octopi" and "viri", it takes any of their letters: "spaghetti" becomes "spaghettus".
  [/(?<=[octpvir|])i$/iu, "us"],
  [/(?<=cris|ax|test)es$/iu, "is"],
  [/(?<=shoe)s$/iu, ""],
  [/(?<=o)es$/iu, ""],
  [/(?<=bus)es$/iu, ""],
  [/(?<=[ml|])ice$/iu, "ouse"],
  [/(?<=x|ch|ss|sh)es$/iu, ""],
  [/(?<=movie|.ombie)s$/iu, ""],
  [/(?<=series)$/iu, ""],
  [/(?<=[^aeiouy]|qu)ies$/iu, "y"],
  [/(?<=[aeo]l|[^d]ea)ves$/u, "f"],
  [/arves$/u, "arf"],
  [/erves$/u, "erve"],
  [/(?<=[nlw]i)ves$/u, "fe"],
  [/(?<=[lr])ves$/iu, "f"],
  [/(?<=[aeo])ves$/u, "ve"],
  [/(?<=sive|tive|hive)s$/iu, ""],
  [/(?<=[^f])ves$/iu, "fe"],
  [/(?<=^analy|diagno|parenthe|progno|synop|the|ba)ses$/iu, "sis"],
  [/(?<=analy)ses$/iu, "asis"],
  [/(?<=.)opses$/iu, "opsis"],
  [/(?<=.)yses$/iu, "ysis"],
  [/(?<=h|d|r|o|n|b|cl|p)oses$/iu, "ose"],
  [/(?<=fruct|gluc|galact|lact|ket|malt|rib|sacchar|cellul)ose$/iu, "ose"],
  [/(?<=.)oses$/iu, "osis"],
  [/(?<=[ti])a$/iu, "um"],
  [/(?<=n)ews$/iu, "ews"],
  [/s$/iu, ""],
];

/** Words that may come second in a compound whose first word is the noun ("mothers-in-law"). */
const COMPOUND = new Set(
  (
    "about above across after among around at athwart before behind below beneath beside besides between betwixt " +
    "beyond but by during except for from in into near of off on onto out over since till to under until unto upon with"
  ).split(" "),
);

/**
 * Singular of a word by its ending, whether it is a noun or not. It goes wrong as the singularizer does that CHAIR's
 * authors took: "bus" becomes "bu", "glass" "glas", "ties" "ty", and "collies" stays.
 *
 * Source: the behaviour of `singularize` in pattern.en (CLiPS, University of Antwerp), itself after Bermi Ferrer's
 * Inflector; irregular words without bearing on images are left out.
 *
 * @param word - One word, mostly lower-case.
 */
export function singular(word: string): string {
  const parts = word.split("-");
  if (parts.length > 1 && COMPOUND.has(parts[1] as string)) {
    return [singular(parts[0] as string), ...parts.slice(1)].join("-");
  }
  if (word.endsWith("'")) return `${singular(word.slice(0, -1))}'s`;
  const lower = word.toLowerCase();
  if (UNCHANGED.some((whole) => whole.endsWith(lower))) return word;
  if (IN_IE.some((plural) => lower.endsWith(plural))) return lower;
  for (const [plural, single] of IRREGULAR) {
    if (lower.endsWith(plural)) return word.slice(0, word.length - plural.length) + single;
  }
  for (const [ending, single] of ENDINGS) {
    if (ending.test(word)) return word.replace(ending, single);
  }
  return word;
}
