import { Random } from "../../numbers/random.js";
import { alterImage, type Alteration } from "./alter-image.js";
import type { TruthSource } from "../contrast-pair.js";
import type { MakingContext } from "./contrast-text.js";
import { factsOfRow, factsOfText } from "./facts.js";
import type { MakingRow, RowWithTexts } from "./making-row.js";
import type { ImageEditor } from "./image-editor.js";
import type { ImageStore } from "./image-store.js";
import { truthByAnnotations } from "./image-truth.js";
import type { RetrievalIndex } from "./retrieval.js";
import { objectName } from "./row-knowledge.js";

/** Ways of making a contrast image. */
export const IMAGE_WAYS = ["retrieval", "crop", "mask", "noise", "command", "endpoint"] as const;
/** One of {@link IMAGE_WAYS}. */
export type ImageWay = (typeof IMAGE_WAYS)[number];
/** What edits images, by the way that it is named by. */
export type ImageEditors = Partial<Readonly<Record<"command" | "endpoint", ImageEditor>>>;

/** A contrast image and how it came about. */
export interface MadeImage {
  readonly image: Uint8Array;
  readonly origin: ImageWay;
  /** Names of what it shows, where that is known. */
  readonly objects: readonly string[] | null;
  /** Whether the rejected text is true of it, and who says so. */
  readonly rejectedTrue: boolean | null;
  readonly rejectedTrueBy: TruthSource | null;
  /** Whether it is known to have all facts that were read in the rejected text. */
  readonly fits: boolean;
}

/** What contrast images are made with. */
export interface ImageTools {
  readonly context: MakingContext;
  readonly seed: number;
  readonly index: RetrievalIndex;
  readonly store: ImageStore;
  /** Names that the set's annotations use. */
  readonly names: ReadonlySet<string>;
  readonly editors: ImageEditors;
}

/**
 * Makes the contrast image of a row.
 *
 * @param row - With its rejected text.
 * @param known - What it says of its image.
 * @param way - How.
 * @param tools - See there.
 * @returns The image, or why there is none.
 */
export async function makeImage(
  row: RowWithTexts,
  known: MakingRow,
  way: ImageWay,
  tools: ImageTools,
): Promise<MadeImage | string> {
  const own = row.images[0] as Uint8Array;
  const random = new Random(`picture/${tools.seed}/${way}/${row.id}`);
  const { context, names } = tools;
  if (way === "retrieval") return retrieve(row, known, tools, random);
  if (way === "command" || way === "endpoint") {
    const image = (await tools.editors[way]?.edit(own, row)) ?? `no editing ${way} was given`;
    if (typeof image === "string") return image;
    return { image, origin: way, objects: null, rejectedTrue: null, rejectedTrueBy: null, fits: false };
  }
  try {
    const image = await alterImage(own, way, { boxes: boxesOf(way, row, known, tools), random });
    // It shows no more than before, so that a text is as false of it, unless the text only takes something away.
    const truth = takesAway(row, context, names)
      ? ({ rejectedTrue: null, rejectedTrueBy: null } as const)
      : ({ rejectedTrue: false, rejectedTrueBy: "construction" } as const);
    return { image, origin: way, objects: null, ...truth, fits: false };
  } catch (error) {
    return `the picture cannot be decoded (${(error as Error).message.split("\n")[0]})`;
  }
}

async function retrieve(
  row: RowWithTexts,
  known: MakingRow,
  { context, index, store, names }: ImageTools,
  random: Random,
): Promise<MadeImage | string> {
  const read = (text: string): ReadonlySet<string> => factsOfText(context.reader.read(text), context, names);
  const [chosen, rejected] = [read(row.chosen), read(row.rejected)];
  const found = index.find(
    {
      id: row.id,
      image: await store.add(row.images[0] as Uint8Array),
      kind: row.kind,
      adds: row.rejectedWord !== null || row.chosenWord === null,
      chosen,
      rejected,
      facts: factsOfRow(known, context),
    },
    random,
  );
  if (found === null) return "no picture of the set is known to show what the rejected text says, within the band";
  const { annotated, fits } = found;
  // A number that was changed counts exactly: of "two dogs" the contrast is "a dog", not "a dog at least".
  const exactly = new Set(
    [...rejected]
      .filter((fact) => !chosen.has(fact))
      .flatMap((fact) => /^n:(.*):/.exec(fact)?.[1] ?? [])
      .filter((name) => chosen.has(`o:${name}`)),
  );
  const rejectedTrue = truthByAnnotations(context.reader.read(row.rejected), annotated, { names, exactly, context });
  return {
    image: await store.get(found.image),
    ...{ origin: "retrieval", objects: annotated.objects, fits },
    ...{ rejectedTrue, rejectedTrueBy: rejectedTrue === null ? null : "annotation" },
  };
}

/** Whether the rejected text says that something is not there, or that there are fewer of it. */
function takesAway(row: RowWithTexts, context: MakingContext, names: ReadonlySet<string>): boolean {
  if (row.kind === "presence") return row.detail === "denied";
  if (row.kind !== "count") return false;
  const [before, after] = [row.chosen, row.rejected].map((text) =>
    [...factsOfText(context.reader.read(text), context, names)].reduce(
      (sum, fact) => sum + Number(/^n:.*:(\d+)$/.exec(fact)?.[1] ?? 0),
      0,
    ),
  ) as [number, number];
  return after <= before;
}

/** Boxes of the object that the pair is about; none where it has none. */
function boxesOf(
  way: Alteration,
  row: RowWithTexts,
  known: MakingRow,
  { context, names }: ImageTools,
): readonly (readonly [number, number, number, number])[] {
  if (way !== "mask" || row.annotations === null || row.chosenWord === null) return [];
  const facts = factsOfText(context.reader.read(row.chosenWord), context, names);
  const name = known.objects?.find(
    (object) =>
      facts.has(`o:${object}`) ||
      object === row.chosenWord ||
      objectName(row.chosenWord ?? "", context.reader.morphy) === object,
  );
  return row.annotations.flatMap(({ object, box }) =>
    box !== undefined && objectName(object, context.reader.morphy) === name ? [box] : [],
  );
}
