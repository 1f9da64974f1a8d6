import { readFile } from "node:fs/promises";
import { type ChatModelParts, type ChatOptions, partsFromOptions } from "../../chat/chat-model.js";
import { type ChatSettings, PassingFailure, post } from "../../chat/http.js";
import { ChatQueue } from "../../chat/queue.js";
import { UserError } from "../../errors.js";
import { openParquet, parquetSlice } from "../../pairs/parquet-rows.js";
import type { Prompt } from "../benchmark.js";
import { ENDPOINT } from "./endpoint-flags.js";
import type { Images } from "./images.js";
import type { PartialAnswers } from "./partial-answers.js";
import { partialPath } from "./partial-answers.js";
import { type PreparedQuestions, type RunOutcome, type RunProgress, answerQuestions } from "./run-benchmark.js";

/** Fields of a request that are not the user's to replace. */
const RESERVED = ["model", "messages", "stream", "n"];

/** Kinds of images that endpoints take, by their first bytes. */
const KINDS: readonly (readonly [magic: RegExp, mime: string])[] = [
  [/^\xff\xd8\xff/, "image/jpeg"],
  [/^\x89PNG/, "image/png"],
  [/^GIF8/, "image/gif"],
  [/^RIFF[^]{4}WEBP/, "image/webp"],
];

/** A model behind an OpenAI-compatible endpoint that answers questions about images. */
export type AnsweringEndpoint = Pick<ChatModelParts, "model" | "endpoint" | "concurrency" | "overrides">;

/**
 * Makes the endpoint that a command's options name.
 *
 * @param options - As parsed.
 * @param environment - Holds the key in `SCPO_ENDPOINT_API_KEY`.
 * @param signal - Stops questions under way.
 * @returns Undefined where no option names one.
 * @throws UserError when an option is missing or malformed.
 */
export function endpointFromOptions(
  options: Omit<ChatOptions, "cache">,
  environment: NodeJS.ProcessEnv = process.env,
  signal?: AbortSignal,
): AnsweringEndpoint | undefined {
  return partsFromOptions(ENDPOINT, options, { path: "/chat/completions", reserved: RESERVED, environment, signal });
}

/**
 * Lets a model behind an endpoint answer a benchmark's questions, many side by side, and writes the answer file. Each
 * answer is on the disk when it has come; interrupted at any moment, the same request asks only what is missing.
 *
 * @param prepared - Questions and images.
 * @param endpoint - Who answers.
 * @throws UserError when the endpoint gives no answer after all tries, refuses a question or redirects.
 */
export async function runEndpoint(
  prepared: PreparedQuestions,
  endpoint: AnsweringEndpoint,
  options: { onProgress?: RunProgress; signal?: AbortSignal } = {},
): Promise<RunOutcome> {
  const { request } = prepared;
  const wanted = { temperature: 0, max_tokens: request.maxNewTokens, ...endpoint.overrides };
  const settings = Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== null));
  const asked = new Asked(endpoint, settings, prepared);
  const outcome = await answerQuestions(
    prepared,
    {
      model: { endpoint: new URL(endpoint.endpoint.url).origin, name: endpoint.model },
      generation: { decoding: "endpoint", settings },
    },
    (partial) =>
      asked.askMissing(partial, (done, total) => options.onProgress?.("answers", done, total), options.signal),
  );
  return { ...outcome, cut: asked.cut, reported: [...asked.reported].sort() };
}

/** Puts the questions that have no answer yet. */
class Asked {
  /** Answers that end where no more tokens were allowed. */
  cut = 0;
  /** Names under which the endpoint says that its model answered. */
  readonly reported = new Set<string>();
  readonly #endpoint: AnsweringEndpoint;
  readonly #settings: ChatSettings;
  readonly #prepared: PreparedQuestions;

  constructor(endpoint: AnsweringEndpoint, settings: ChatSettings, prepared: PreparedQuestions) {
    this.#endpoint = endpoint;
    this.#settings = settings;
    this.#prepared = prepared;
  }

  async askMissing(
    partial: PartialAnswers,
    onProgress: (done: number, total: number) => void,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { questions, images, request } = this.#prepared;
    const { prompts } = questions;
    const queue = new ChatQueue(this.#endpoint.concurrency);
    onProgress(partial.size, prompts.length);
    try {
      for (const [at, prompt] of prompts.entries()) {
        if (partial.get(at) !== undefined) continue;
        signal?.throwIfAborted();
        await queue.add(async () => {
          const content = await contentOf(prompt, prompt.text + (request.promptSuffix ?? ""), images);
          await partial.add(new Map([[at, await this.#ask(content)]]));
          onProgress(partial.size, prompts.length);
        });
      }
    } finally {
      // What is under way is not lost; a failure of it has been thrown already, or is thrown by the next line.
      await queue.drained().catch((cause: unknown) => sayWhatIsKept(cause, request.out));
    }
  }

  async #ask(content: Content): Promise<string> {
    const { endpoint, model } = this.#endpoint;
    const request = { ...this.#settings, model, messages: [{ role: "user", content }] };
    const headers = { "content-type": "application/json" };
    return post(endpoint, { headers, body: JSON.stringify(request) }, (value) => {
      const { choices, model: reported } = (value ?? {}) as Completion;
      const choice = Array.isArray(choices) ? choices[0] : undefined;
      const isCut = choice?.finish_reason === "length";
      // A model that still reasons when its tokens are spent has said nothing.
      const said = choice?.message?.content ?? (isCut ? "" : undefined);
      if (typeof said !== "string") throw new PassingFailure("answer holds no text");
      if (isCut) this.cut += 1;
      this.reported.add(typeof reported === "string" ? reported : model);
      return said;
    });
  }
}

/** What is said to a model: text, or parts of which one is an image. */
type Content = string | readonly ({ type: "text"; text: string } | { type: "image_url"; image_url: { url: string } })[];

interface Completion {
  choices?: ({ message?: { content?: unknown } | null; finish_reason?: unknown } | null)[];
  model?: unknown;
}

/** The image as a data URL and the question behind it. */
async function contentOf(prompt: Prompt, text: string, images: Images): Promise<Content> {
  const image = await imageOf(prompt, images);
  if (image === undefined) return text;
  const beginning = Buffer.from(image.subarray(0, 12)).toString("latin1");
  const mime = KINDS.find(([magic]) => magic.test(beginning))?.[1];
  if (mime === undefined) {
    throw new UserError(`image ${prompt.image}: is no JPEG, PNG, WebP or GIF, which endpoints take; convert it`);
  }
  const url = `data:${mime};base64,${Buffer.from(image).toString("base64")}`;
  return [
    { type: "image_url", image_url: { url } },
    { type: "text", text },
  ];
}

/** The bytes of a question's image: of its file, or of its row in the annotations. */
async function imageOf({ image, row = 0 }: Prompt, { paths, table }: Images): Promise<Uint8Array | undefined> {
  const path = paths.get(image);
  if (path !== undefined) return readFile(path);
  if (table === undefined) return undefined;
  const { dataset, imageColumn } = table;
  const [cells] = await parquetSlice(await openParquet(dataset.path), [imageColumn], row, row + 1);
  const cell = cells?.[imageColumn];
  const { bytes } = ((Array.isArray(cell) ? (cell as unknown[])[0] : cell) ?? {}) as { bytes?: unknown };
  if (bytes instanceof Uint8Array) return bytes;
  throw new UserError(`${dataset.path}: row ${row} of ${imageColumn} holds no picture; get the file again`);
}

function sayWhatIsKept(cause: unknown, out: string): never {
  if (!(cause instanceof UserError)) throw cause;
  throw new UserError(
    `${cause.message}; answers so far are kept in ${partialPath(out)}, the same command goes on from there`,
  );
}
