import { z } from "zod";
import { UserError } from "../../errors.js";
import { idField, place, readJsonArray, readJsonFile, shown, textField } from "../../files/rows.js";
import { requireFile } from "../benchmark-files.js";
import type { Prompt } from "../benchmark.js";
import { decodeUtf8, readWhole, withoutMark } from "../../files/text-file.js";
import { ANNOTATIONS, QUERIES, RELATION, REPOSITORY, SAFE_WORDS } from "./files.js";

/** Kinds of questions that are answered with yes or no. */
export const KINDS = ["existence", "state", "number", "action", "relation"] as const;
/** A kind of question. */
type Kind = (typeof KINDS)[number];

/** What is true of an image that is described. */
export interface Description {
  kind: "generative";
  image: string;
  /** Things in the image; one may stand twice. */
  truth: readonly string[];
  /** Things that a person might imagine in it. */
  imagined: readonly string[];
}

/** A question and its true answer. */
export interface Question {
  kind: Kind;
  image: string;
  truth: "yes" | "no";
}

/** All that answers are measured against. */
export interface Annotations {
  /** By id, "1" to "15220" in the published revision. */
  items: ReadonlyMap<string, Description | Question>;
  /** By each word of the vocabulary that has an entry, the words that stand for it. */
  associations: ReadonlyMap<string, readonly string[]>;
  /** All words that count. */
  vocabulary: ReadonlySet<string>;
  safeWords: ReadonlySet<string>;
  /** Files that it was read from. */
  inputs: readonly string[];
}

/** Names of kinds in the annotations; a part of the questions after relations is named differently from the rest. */
const KIND_OF_TYPE: Readonly<Record<string, Kind | "generative" | undefined>> = {
  generative: "generative",
  "discriminative-hallucination": "existence",
  "discriminative-attribute-state": "state",
  "discriminative-attribute-number": "number",
  "discriminative-attribute-action": "action",
  "discriminative-relation": "relation",
  relation: "relation",
};

const WORDS = z.array(z.string().min(1));
const RELATIONS = z.record(z.string().min(1), WORDS);
const ITEM = z.union([
  z.object({ id: z.number().int(), type: z.literal("generative"), truth: WORDS, hallu: WORDS }),
  z.object({ id: z.number().int(), type: z.string(), truth: z.enum(["yes", "no"]) }),
]);

/**
 * Reads AMBER's annotations.
 *
 * @param folder - A checkout of AMBER, or its folder `data`.
 * @throws UserError when a file is missing or malformed.
 */
export async function readAnnotations(folder: string): Promise<Annotations> {
  const [items, relation, safe, queries] = await Promise.all(
    [ANNOTATIONS, RELATION, SAFE_WORDS, QUERIES].map((file) => requireFile(folder, file, REPOSITORY)),
  );
  const associations = await readAssociations(relation as string);
  return {
    items: await readItems(items as string, await readImages(queries as string), associations),
    associations,
    vocabulary: new Set([...associations].flatMap(([word, others]) => [word, ...others])),
    safeWords: new Set((await readText(safe as string)).split(/\r?\n/).filter((word) => word !== "")),
    inputs: [items, relation, safe, queries] as string[],
  };
}

/**
 * AMBER's questions in their order.
 *
 * @param folder - A checkout of AMBER, or its folder `data`.
 * @param which - Those to be described, those to be answered, or both.
 */
export async function* readPrompts(
  folder: string,
  which: "generative" | "discriminative" | "both",
): AsyncGenerator<Prompt, void, undefined> {
  const { items } = await readAnnotations(folder);
  for await (const row of readJsonArray(await requireFile(folder, QUERIES, REPOSITORY))) {
    const item = items.get(idField(row, "id"));
    if (which !== "both" && (item?.kind === "generative") !== (which === "generative")) continue;
    yield { id: Number(idField(row, "id")), image: textField(row, "image"), text: textField(row, "query") };
  }
}

async function readText(path: string): Promise<string> {
  const bytes = await readWhole(path);
  return withoutMark(decodeUtf8(bytes, path));
}

async function readAssociations(path: string): Promise<Map<string, readonly string[]>> {
  const content = await readJsonFile(path);
  const parsed = RELATIONS.safeParse(content);
  if (parsed.success) return new Map(Object.entries(parsed.data));
  const issue = parsed.error.issues[0];
  throw new UserError(`${path}: field ${issue?.path.join(".") || "(whole file)"}: expected words and lists of words`);
}

async function readImages(path: string): Promise<Map<string, string>> {
  const images = new Map<string, string>();
  for await (const row of readJsonArray(path)) images.set(idField(row, "id"), textField(row, "image"));
  return images;
}

async function readItems(
  path: string,
  images: ReadonlyMap<string, string>,
  associations: ReadonlyMap<string, unknown>,
): Promise<Map<string, Description | Question>> {
  const items = new Map<string, Description | Question>();
  for await (const row of readJsonArray(path)) {
    const parsed = ITEM.safeParse(row.value);
    const kind = parsed.success ? KIND_OF_TYPE[parsed.data.type] : undefined;
    if (!parsed.success || kind === undefined) {
      throw new UserError(`${place(row)}: is ${shown(row.value)}, expected id, type and truth of an AMBER question`);
    }
    const id = String(parsed.data.id);
    // The official script goes by position, so both must agree.
    if (id !== String(row.line)) throw new UserError(`${place(row)}: field id is ${id}, expected ${row.line}`);
    const image = images.get(id);
    if (image === undefined) throw new UserError(`${place(row)}: field id is ${id}, which the questions do not hold`);
    if ("hallu" in parsed.data) {
      const { truth, hallu } = parsed.data;
      const unknown = [...truth, ...hallu].find((word) => !associations.has(word));
      if (unknown !== undefined) {
        throw new UserError(`${place(row)}: holds the word ${shown(unknown)}, which ${RELATION.path} does not`);
      }
      items.set(id, { kind: "generative", image, truth, imagined: hallu });
    } else {
      items.set(id, { kind: kind as Kind, image, truth: parsed.data.truth });
    }
  }
  if (items.size === 0) throw new UserError(`${path}: is empty, expected the truth of every question`);
  return items;
}
