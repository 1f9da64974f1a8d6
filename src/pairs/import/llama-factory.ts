import { stat } from "node:fs/promises";
import { basename, dirname, join, relative } from "node:path";
import { z } from "zod";
import { UserError } from "../../errors.js";
import { readJsonFile } from "../../files/rows.js";
import { carriedColumns } from "./carried-columns.js";
import type { Importer, ImportSettings, PairDraft, SourcePair } from "./importer.js";
import { messageOf, messagesOf, oneAnswer, oneQuestion, withoutMarkers } from "./messages.js";
import { refuseOtherContent } from "./other-content.js";
import type { RowFields } from "./row-fields.js";
import { eachPair } from "./source-rows.js";

const INFO = "dataset_info.json";

const entrySchema = z.object({
  file_name: z.string(),
  formatting: z.enum(["alpaca", "sharegpt"]).default("alpaca"),
  ranking: z.boolean().default(false),
  columns: z
    .object({
      prompt: z.string().default("instruction"),
      query: z.string().default("input"),
      response: z.string().default("output"),
      messages: z.string().default("conversations"),
      chosen: z.string().default("chosen"),
      rejected: z.string().default("rejected"),
      images: z.string().default("images"),
      system: z.string().optional(),
      history: z.string().optional(),
      videos: z.string().optional(),
      audios: z.string().optional(),
      kto_tag: z.string().optional(),
    })
    .prefault({}),
  tags: z
    .object({
      role_tag: z.string().default("from"),
      content_tag: z.string().default("value"),
      user_tag: z.string().default("human"),
      assistant_tag: z.string().default("gpt"),
      system_tag: z.string().default("system"),
    })
    .prefault({}),
});
type Entry = z.infer<typeof entrySchema>;

/** Sets of LLaMA-Factory as its dataset_info.json describes them; with `ranking` they have a rejected answer. */
export const llamaFactory: Importer = {
  name: "llama-factory",
  about: "a folder with dataset_info.json; ShareGPT or Alpaca rows",
  documentation: "https://github.com/hiyouga/LLaMA-Factory/blob/main/data/README.md",
  read,
};

async function* read(source: string, settings: ImportSettings): AsyncGenerator<SourcePair, void, undefined> {
  const folder = (await stat(source).catch(() => null))?.isDirectory() === true ? source : dirname(source);
  const entry = await entryOf(join(folder, INFO), source, settings.dataset);
  const file = join(folder, entry.file_name);
  if (relative(folder, file).startsWith("..")) {
    throw new UserError(`${join(folder, INFO)}: file_name is ${entry.file_name}, expected a file within the folder`);
  }
  yield* eachPair(file, settings, (row) => pairOf(row, entry, settings));
}

async function entryOf(path: string, source: string, wanted: string | undefined): Promise<Entry> {
  const info = await readJsonFile(path);
  if (typeof info !== "object" || info === null || Array.isArray(info)) {
    throw new UserError(`${path}: expected an object with a description by name of the set`);
  }
  const entries = new Map(Object.entries(info));
  const sameFile = (entry: unknown): boolean => (entry as Partial<Entry> | null)?.file_name === basename(source);
  const fitting = [...entries]
    .filter(([, entry]) => basename(source) !== INFO && sameFile(entry))
    .map(([name]) => name);
  const names = wanted !== undefined ? [wanted] : fitting.length > 0 ? fitting : [...entries.keys()];
  const [name] = names;
  if (name === undefined || names.length > 1) {
    const found = names.length === 0 ? "no set" : `${names.length} sets: ${names.slice(0, 8).join(", ")}`;
    throw new UserError(`${path}: describes ${found}, expected one; name it with --dataset`);
  }
  if (!entries.has(name)) {
    throw new UserError(
      `--dataset: ${path} has no ${name}, expected one of ${[...entries.keys()].slice(0, 8).join(", ")}`,
    );
  }
  const entry = entrySchema.safeParse(entries.get(name));
  if (entry.success) return entry.data;
  const issue = entry.error.issues[0];
  const field = [name, ...(issue?.path ?? [])].join(".");
  throw new UserError(
    `${path}: ${field}: ${issue?.message ?? "cannot be read"}; expected the description of a local set`,
  );
}

function pairOf(row: RowFields, entry: Entry, settings: ImportSettings): PairDraft {
  const { columns } = entry;
  const rejectedImages = row.value("rejected_images");
  const { system, history, videos, audios, kto_tag: label } = columns;
  const named = (...names: (string | undefined)[]): string[] =>
    names.flatMap((name) => (name === undefined ? [] : [name]));
  refuseOtherContent(row, settings, {
    ...{ system: named(system), history: named(history), media: named(videos, audios), label: named(label) },
    numbers: true,
  });
  return {
    ...carriedColumns(row.without(named(...Object.values(columns)))),
    images: { field: columns.images, value: row.required(columns.images) },
    rejectedImages: rejectedImages === undefined ? null : { field: "rejected_images", value: rejectedImages },
    ...(entry.formatting === "sharegpt" ? shareGptTexts(row, entry, settings) : alpacaTexts(row, entry)),
  };
}

type Texts = Pick<PairDraft, "prompt" | "chosen" | "rejected">;

function shareGptTexts(row: RowFields, { columns, tags, ranking }: Entry, settings: ImportSettings): Texts {
  const keys = { role: tags.role_tag, content: tags.content_tag };
  const roles = { user: tags.user_tag, system: tags.system_tag, assistant: tags.assistant_tag };
  const messages = messagesOf(row.required(columns.messages), columns.messages, keys);
  const before = ranking ? messages : messages.slice(0, -1);
  const answer = (name: string): string => oneAnswer([messageOf(row.required(name), name, keys)], roles, name);
  return {
    prompt: oneQuestion(before, roles, columns.messages, settings.dropSystem, row.value(columns.images)),
    chosen: ranking ? answer(columns.chosen) : oneAnswer(messages.slice(-1), roles, columns.messages),
    rejected: ranking ? answer(columns.rejected) : null,
  };
}

function alpacaTexts(row: RowFields, { columns, ranking }: Entry): Texts {
  const asked = [row.text(columns.prompt), row.optionalText(columns.query) ?? ""].filter((text) => text !== "");
  return {
    prompt: withoutMarkers(asked.join("\n"), columns.prompt, row.value(columns.images)),
    chosen: row.text(ranking ? columns.chosen : columns.response),
    rejected: ranking ? row.text(columns.rejected) : null,
  };
}
