import { relationsIn } from "./contrast-relation.js";
import { isAttributeWord } from "./contrast-attribute.js";
import type { Caption, CaptionReader } from "./caption.js";
import type { Token } from "./noun-phrase.js";
import { numberOf } from "./number-words.js";
import { singularOf } from "../../english/noun-number.js";

/** The one fact in which two texts differ. */
export interface ChangedFact {
  readonly kind: "object" | "attribute" | "count" | "relation" | "presence";
  readonly chosenWord: string | null;
  readonly rejectedWord: string | null;
  /** Noun that the second text names and the first does not, singular. */
  readonly newTerm: string | null;
}

/** Words that change with others and say nothing themselves. */
const GRAMMAR = /^(?:an?|the|is|are|was|were|has|have|does|do|and|,|there|with)$/;
const DENIAL = /^(?:no|not|without|n['\u2019]t)$/;
/** Most words of a text that one fact takes. */
const MOST_WORDS = 5;

/**
 * Finds the fact in which a text differs from another.
 *
 * @param chosen - The first text.
 * @param rejected - The second.
 * @param reader - Reads both.
 * @returns The fact, or what is wrong: nothing changed, or more than one fact.
 */
export function factChanged(chosen: string, rejected: string, reader: CaptionReader): ChangedFact | string {
  const [before, after] = [reader.read(chosen), reader.read(rejected)];
  const { gone, come } = difference(before.tokens, after.tokens, reader);
  if (gone.length + come.length === 0) return "nothing changed";
  const [lost, new_] = [content(before, gone), content(after, come)];
  if (lost.length > MOST_WORDS || new_.length > MOST_WORDS) return "more than one fact changed";
  if (!oneStretch(gone, before) || !oneStretch(come, after)) return "more than one place changed";
  const words = (caption: Caption, at: readonly number[]): string | null =>
    at.length === 0
      ? null
      : caption.text
          .slice(caption.tokens[at[0] as number]?.start, caption.tokens[at.at(-1) as number]?.end)
          .toLowerCase();
  const found = (kind: ChangedFact["kind"], newTerm: string | null = null): ChangedFact => ({
    kind,
    chosenWord: words(before, lost),
    rejectedWord: words(after, new_),
    newTerm,
  });
  const [lostNouns, newNouns] = [nouns(before, lost, reader), nouns(after, new_, reader)];
  const [lostOther, newOther] = [others(before, lost), others(after, new_)];
  const number = (tokens: readonly Token[]): boolean =>
    tokens.length === 1 && numberOf(tokens[0]?.lower ?? "") !== undefined;
  const denied = (tokens: readonly Token[]): boolean => tokens.every(({ lower }) => DENIAL.test(lower));
  if (
    newOther.length > 0 &&
    denied(newOther) &&
    newNouns.length === 0 &&
    lostNouns.length === 0 &&
    (lostOther.length === 0 || number(lostOther))
  ) {
    const subject = after.phrases.find((phrase) => come.some((at) => at === phrase.from || at === phrase.from - 1));
    if (subject === undefined) return "what is denied is no thing";
    const name = after.tokens
      .slice(subject.name, subject.to)
      .map(({ lower }) => lower)
      .join(" ");
    return { kind: "presence", chosenWord: name, rejectedWord: null, newTerm: null };
  }
  if (number(newOther) || number(lostOther)) {
    const same = lostNouns.join() === newNouns.join();
    return same && newOther.length <= 1 && lostOther.length <= 1 ? found("count") : "more than one fact changed";
  }
  if (lostOther.length === 0 && newOther.length === 0) {
    if (lostNouns.length === 1 && newNouns.length === 1) {
      return lostNouns[0] === newNouns[0] ? "only the number of a word changed" : found("object", newNouns[0]);
    }
    if (lostNouns.length === 0 && newNouns.length === 1) return found("presence", newNouns[0]);
    return "more than one fact changed, or a thing is left out";
  }
  if (lostNouns.length + newNouns.length > 0 && !isRelation(before, after)) return "more than one fact changed";
  if (lostOther.length === 1 && newOther.length === 1) {
    const [one, other] = [lostOther[0] as Token, newOther[0] as Token];
    const described = (token: Token): boolean => /^(?:JJ|VBN)/.test(token.tag) || isAttributeWord(token.lower);
    if (described(one) && described(other)) return found("attribute");
  }
  return isRelation(before, after)
    ? found("relation")
    : "what changed is no object, attribute, count, relation or presence";
}

function isRelation(before: Caption, after: Caption): boolean {
  const [one, other] = [before, after].map((caption) => relationsIn(caption).map(({ words }) => words));
  const lost = (one as string[]).filter((words) => !(other as string[]).includes(words));
  const come = (other as string[]).filter((words) => !(one as string[]).includes(words));
  return lost.length === 1 && come.length === 1;
}

/** Positions of the tokens that only one of two texts has, by their longest common sequence. */
function difference(
  one: readonly Token[],
  other: readonly Token[],
  reader: CaptionReader,
): { gone: number[]; come: number[] } {
  const rows = Array.from({ length: one.length + 1 }, () => new Uint16Array(other.length + 1));
  const cell = (at: number, to: number): number => (rows[at] as Uint16Array)[to] as number;
  const equal = (at: number, to: number): boolean => sameWord(one[at] as Token, other[to] as Token, reader);
  for (let at = one.length - 1; at >= 0; at--) {
    for (let to = other.length - 1; to >= 0; to--) {
      (rows[at] as Uint16Array)[to] = equal(at, to)
        ? cell(at + 1, to + 1) + 1
        : Math.max(cell(at + 1, to), cell(at, to + 1));
    }
  }
  const [gone, come]: [number[], number[]] = [[], []];
  let [at, to] = [0, 0];
  while (at < one.length || to < other.length) {
    if (at < one.length && to < other.length && equal(at, to)) {
      at += 1;
      to += 1;
    } else if (to >= other.length || (at < one.length && cell(at + 1, to) >= cell(at, to + 1))) {
      gone.push(at++);
    } else {
      come.push(to++);
    }
  }
  return { gone, come };
}

/** Whether two words are one in another form of its verb: "sits", "sit". */
function sameWord(one: Token, other: Token, { morphy }: CaptionReader): boolean {
  if (one.lower === other.lower) return true;
  if (!/^VB[ZP]?$/.test(one.tag) || !/^VB[ZP]?$/.test(other.tag)) return false;
  return morphy.lemma(one.lower, "verb") === morphy.lemma(other.lower, "verb");
}

function content({ tokens }: Caption, at: readonly number[]): number[] {
  return at.filter((each) => !GRAMMAR.test(tokens[each]?.lower ?? ""));
}

/** Whether nothing but grammar and words that stayed in their phrase lies between the first and the last change. */
function oneStretch(at: readonly number[], caption: Caption): boolean {
  const changed = content(caption, at);
  if (changed.length < 2) return true;
  const [first, last] = [changed[0] as number, changed.at(-1) as number];
  if (last - first < changed.length) return true;
  // "two small dogs" to "three small cats" changes two facts, "two small dogs" to "a small dog" one.
  return caption.phrases.some((phrase) => first >= phrase.from && last < phrase.to);
}

function nouns({ tokens, phrases }: Caption, at: readonly number[], { morphy }: CaptionReader): string[] {
  const inPhrases = phrases.filter((phrase) => at.some((each) => each >= phrase.name && each < phrase.to));
  const rest = at.filter(
    (each) => /^NN/.test(tokens[each]?.tag ?? "") && !phrases.some((phrase) => each >= phrase.from && each < phrase.to),
  );
  return [...inPhrases.map(({ term }) => term), ...rest.map((each) => singularOf(tokens[each]?.lower ?? "", morphy))];
}

function others({ tokens, phrases }: Caption, at: readonly number[]): Token[] {
  return at
    .filter((each) => !phrases.some((phrase) => each >= phrase.name && each < phrase.to))
    .map((each) => tokens[each] as Token)
    .filter(({ tag }) => !/^NN/.test(tag));
}
