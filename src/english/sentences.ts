import { SPACE } from "./space.js";

/**
 * Words whose point ends no sentence, as far as captions hold them. A word more or less here only decides whether a
 * point stays with its word.
 */
const ABBREVIATIONS = new Set(
  (
    "a.m p.m u.s u.k u.n u.s.a ph.d d.c n.y l.a mr mrs ms messrs dr prof st jr sr gen col lt sgt capt maj sen rep gov " +
    "inc ltd co corp bros dept vs ave ft jan feb aug sept sep oct nov dec mon tues wed thu fri sat calif fla mass"
  )
    .split(" ")
    // As words of a caption these are no abbreviations.
    .filter((word) => word !== "sat"),
);

/** Letters that precede names so often that their point never ends a sentence. */
const COMMON_INITIALS = new Set("cdefghklmnprstvw");

/** Words that often begin a sentence; after an abbreviation a capital decides nothing for other words. */
const STARTERS = new Set(
  "the a an it he she they this that these those there in on at for from with and but so if while when as we you".split(
    " ",
  ),
);

/** Marks that end no word and so may follow a sentence's point. */
const NO_WORD = `[)";}\\]*:@'({[\\u2018\\u2019\\u201c\\u201d\\u00ab\\u00bb?!]`;
const END_MARK = new RegExp(`[.?!](?=(${NO_WORD}|[${SPACE}]+([^${SPACE}]+)))`, "gu");
/** A word as far as a mark parts it off, or a mark. */
const PIECE = new RegExp(
  `-{2,}|\\.{2,}|(?:\\.[${SPACE}]){2,}\\.|[^("\`{[:;&#*@)}\\]\\-,${SPACE}]` +
    `[^${SPACE}]*?(?=[${SPACE}]|$|${NO_WORD}|-{2,}|\\.{2,}|,(?:$|[${SPACE}]|${NO_WORD}|-{2,}|\\.{2,}))|[^${SPACE}]`,
  "gu",
);
const LAST_SPACE = new RegExp(`[${SPACE}](?=[^${SPACE}]*$)`, "u");
const CLOSING = new RegExp(`^["')\\]}\\u2018\\u2019\\u201c\\u201d\\u00ab\\u00bb]+?(?:[${SPACE}]+|(?=--)|$)`, "mu");
const IS_SPACE = new RegExp(`[${SPACE}]`, "u");
const NUMBER = /^-?[.,]?\p{Nd}[\p{Nd},.-]*\.$/u;
const INITIAL = /^\p{L}\.$/u;

/**
 * Cuts a text into sentences by the rules of Punkt: every question and exclamation mark and every point before a blank
 * or a closing mark ends one, unless the point belongs to an abbreviation, an initial, a number or an ellipsis and the
 * next word is no beginning.
 *
 * Source: Kiss and Strunk (2006), Unsupervised Multilingual Sentence Boundary Detection; the word lists are ours.
 *
 * @param text - Any text.
 * @returns Sentences in reading order, without the blanks between them; a text of blanks has none.
 */
export function sentences(text: string): string[] {
  const found: string[] = [];
  const cuts = cutsOf(text);
  cuts.push({ end: withoutTrailingSpace(text), next: text.length });
  let start = 0;
  for (const [at, cut] of cuts.entries()) {
    let { end, next } = cut;
    if (at < cuts.length - 1) {
      // Quotation marks and brackets that close this sentence belong to it.
      const rest = text.slice(cut.next, cuts[at + 1]?.end);
      const closing = CLOSING.exec(rest)?.[0];
      if (closing !== undefined) {
        end = cut.next + withoutTrailingSpace(closing);
        next = cut.next + closing.length;
      }
    }
    if (end > start) found.push(text.slice(start, end));
    start = next;
  }
  return found;
}

/** Length of a text without the blanks at its end; a pattern would rescan every blank of a long run. */
function withoutTrailingSpace(text: string): number {
  let end = text.length;
  while (end > 0 && IS_SPACE.test(text[end - 1] as string)) end -= 1;
  return end;
}

interface Cut {
  /** Behind the last character of a sentence. */
  end: number;
  /** First character of the next sentence. */
  next: number;
}

interface Candidate {
  at: number;
  /** The run of characters before the mark, as far as the blank before it. */
  word: string;
  /** What follows: a mark, or the next word. */
  follower: string;
  /** Offset of the next word; undefined before a mark. */
  next: number | undefined;
}

function cutsOf(text: string): Cut[] {
  const cuts: Cut[] = [];
  let last: Candidate | undefined;
  const decide = (candidate: Candidate): void => {
    if (!endsSentence(candidate, text[candidate.at] as string)) return;
    const end = candidate.at + 1;
    cuts.push({ end, next: candidate.next ?? end });
  };
  for (const match of text.matchAll(END_MARK)) {
    const at = match.index;
    const before = text.slice(last?.at ?? 0, at);
    const space = LAST_SPACE.exec(before);
    // Of several marks in one run only the last is looked at, with the whole run before it.
    const sameRun = space === null || space.index === 0;
    if (last !== undefined && !sameRun) decide(last);
    const word = sameRun ? (last === undefined ? before : last.word + before) : before.slice(space.index + 1);
    const nextWord = match[2];
    last = {
      at,
      word,
      follower: nextWord ?? (match[1] as string),
      next: nextWord === undefined ? undefined : at + 1 + (match[1] as string).length - nextWord.length,
    };
  }
  if (last !== undefined) decide(last);
  return cuts;
}

/** Whether a sentence ends within a mark's surroundings, anywhere before their last piece. */
function endsSentence({ word, follower }: Candidate, mark: string): boolean {
  const pieces = [...`${word}${mark} ${follower}`.matchAll(PIECE)].map((match) => match[0]);
  return pieces.slice(0, -1).some((piece, at) => pieceEnds(piece, pieces[at + 1] as string));
}

function pieceEnds(piece: string, next: string): boolean {
  if (piece === "?" || piece === "!" || piece === ".") return true;
  if (!piece.endsWith(".")) return false;
  const upper = /^\p{Lu}/u.test(next);
  if (piece.endsWith("..")) return upper && isStarter(next);
  const type = piece.slice(0, -1).toLowerCase();
  if (INITIAL.test(piece) && !COMMON_INITIALS.has(type))
    return !/^(?:\p{Ll}|[;:,.!?]$)/u.test(next) && (!upper || isStarter(next));
  if (COMMON_INITIALS.has(type)) return false;
  if (ABBREVIATIONS.has(type) || ABBREVIATIONS.has(type.slice(type.lastIndexOf("-") + 1))) {
    return upper && isStarter(next);
  }
  return !NUMBER.test(piece) || !/^(?:\p{Ll}|[;:,.!?]$)/u.test(next);
}

function isStarter(word: string): boolean {
  return STARTERS.has(/^\p{L}+/u.exec(word)?.[0]?.toLowerCase() ?? "");
}
