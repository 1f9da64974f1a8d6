import { UserError } from "../errors.js";
import type { ContrastPair } from "../pairs/contrast-pair.js";
import { annotate, type Annotator, TRUTHFUL } from "./annotator.js";
import { attributeContrast } from "./contrast-attribute.js";
import { countContrast } from "./contrast-count.js";
import type { Contrast, ContrastKind, PhrasedContrast } from "./contrast-kind.js";
import { objectContrast } from "./contrast-object.js";
import { positionContrast } from "./contrast-position.js";
import { presenceContrast } from "./contrast-presence.js";
import { checkCountAndSeed } from "./count-and-seed.js";
import { renderScene } from "./render.js";
import { type Kind, KINDS } from "./kinds.js";
import { companionHalf, type CompanionHalf, companionOf } from "./objects.js";
import { inParallel } from "./parallel.js";
import { Random } from "../numbers/random.js";
import { differentNames, layoutKey, namesOf, splitOf } from "./scene.js";

/**
 * Every kind of contrast and how many pairs of a round it gets; those that make a model name absent objects get most. A
 * new kind is one generator file, one row here and its name in `kinds.ts`.
 */
const CONTRAST_KINDS: readonly { readonly kind: ContrastKind; readonly pairs: number }[] = [
  { kind: objectContrast, pairs: 3 },
  { kind: presenceContrast, pairs: 3 },
  { kind: countContrast, pairs: 1 },
  { kind: positionContrast, pairs: 1 },
  { kind: attributeContrast, pairs: 1 },
];

/** How the two scenes of a world's pairs differ. */
export interface ContrastOptions {
  /** Kinds of facts in the world, at least one. @default KINDS */
  readonly kinds?: readonly Kind[];
  /** Probability that a pair is phrased as a yes/no question instead of a statement. @default 0 */
  readonly questionRate?: number;
  /** Who writes the texts. @default TRUTHFUL */
  readonly annotator?: Annotator;
  /** Which usual companions may be what two scenes differ in: all of them, or one half. @default "all" */
  readonly companions?: "all" | CompanionHalf;
}

// The kinds take turns until each has its pairs of a round.
function roundOf(kinds: readonly Kind[]): { kind: ContrastKind; pairs: number; offset: number }[] {
  const chosen = CONTRAST_KINDS.filter(({ kind }) => kinds.includes(kind.name));
  if (chosen.length === 0) throw new UserError(`kinds: found none, expected some of ${KINDS.join(",")}`);
  const most = Math.max(...chosen.map(({ pairs }) => pairs));
  return Array.from({ length: most }, (_, offset) =>
    chosen.filter(({ pairs }) => offset < pairs).map((row) => ({ ...row, offset })),
  ).flat();
}

/** Samples the contrast of one row, both of its layouts in the train split. */
export function sampleContrast(seed: number, index: number, options: ContrastOptions = {}): PhrasedContrast {
  const { kinds = KINDS, questionRate = 0, companions = "all" } = options;
  const random = new Random(`pairs/${seed}/${index}`);
  const round = roundOf(kinds);
  const { kind, pairs, offset } = round[index % round.length] as (typeof round)[number];
  const turn = Math.floor(index / round.length) * pairs + offset;
  for (;;) {
    const contrast = kind.propose(random, turn, kinds);
    if (!contrast) continue;
    const splits = [contrast.chosen, contrast.rejected].map((scene) => splitOf(layoutKey(scene)));
    if (!splits.every((split) => split === "train")) continue;
    if (companions !== "all" && differingCompanions(contrast).some((name) => companionHalf(name) !== companions))
      continue;
    if (!random.chance(questionRate)) return { ...contrast, kind: kind.name, phrase: contrast.statement };
    const phrase = random.pick(contrast.questions);
    const detail = `${contrast.detail}_question`;
    return { ...contrast, kind: kind.name, detail, phrase, chosenWord: null, rejectedWord: null };
  }
}

/**
 * Makes contrast quadruples of the built-in world.
 * @param options - `count` pairs from `seed`; a longer set starts with the shorter one. `onProgress` gets the count done.
 * @returns Pairs with PNG images, without difficulty and stage.
 * @throws UserError when count or seed is no whole number in range, or no kind is chosen.
 */
export async function makeContrastPairs(
  options: ContrastOptions & { count: number; seed: number; onProgress?: (done: number, total: number) => void },
): Promise<ContrastPair[]> {
  const { count, seed, onProgress } = options;
  checkCountAndSeed({ count, seed });
  const pairs: ContrastPair[] = [];
  for await (const pair of inParallel(count, (index) => makePair(seed, index, options))) {
    pairs.push(pair);
    onProgress?.(pairs.length, count);
  }
  return pairs;
}

/** The objects that only one scene has and whose usual companion is in either. */
function differingCompanions({ chosen, rejected }: Pick<Contrast, "chosen" | "rejected">): string[] {
  const [one, other] = [differentNames(chosen), differentNames(rejected)];
  const either = [...new Set([...one, ...other])];
  return either.filter((name) => one.includes(name) !== other.includes(name) && either.includes(companionOf(name)));
}

async function makePair(seed: number, index: number, options: ContrastOptions): Promise<ContrastPair> {
  const contrast = sampleContrast(seed, index, options);
  const { chosen, rejected, phrase } = contrast;
  const { annotator = TRUTHFUL } = options;
  const written = annotate(contrast, annotator, new Random(`annotator/${seed}/${index}`));
  return {
    id: `pair-${seed}-${String(index).padStart(5, "0")}`,
    images: [await renderScene(chosen)],
    rejectedImages: [await renderScene(rejected)],
    prompt: phrase.text,
    chosen: written.chosen,
    rejected: written.rejected,
    kind: contrast.kind,
    detail: contrast.detail,
    chosenWord: written.chosenWord,
    rejectedWord: written.rejectedWord,
    objects: namesOf(chosen),
    rejectedObjects: namesOf(rejected),
    rejectedTrue: written.rejected === phrase.answer(rejected),
    rejectedTrueBy: "construction",
    difficulty: null,
    stage: null,
  };
}
