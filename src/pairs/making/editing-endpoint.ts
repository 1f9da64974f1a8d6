import { type ChatModelParts, type ChatOptions, partsFromOptions, sayWhatIsKept } from "../../chat/chat-model.js";
import { failure, PassingFailure, post, Refusal } from "../../chat/http.js";
import { UserError } from "../../errors.js";
import { imageExtension, imageMediaType } from "../image-bytes.js";
import { EDITOR } from "./endpoint-names.js";
import type { RowWithTexts } from "./making-row.js";
import { editedOnce, instructionOf, type ImageEditor } from "./image-editor.js";

/** Fields of a request that are not the user's to replace. */
const RESERVED = ["model", "image", "image[]", "mask", "prompt", "n", "stream"];
/** Milliseconds that one image may take. */
const LONGEST = 600_000;
/** Bytes that one answer may have: an image of 50 megapixels, in base64. */
const LARGEST = 256 * 2 ** 20;
/** Statuses of a refusal that one image or instruction may be the cause of, such as a content policy's. */
const OF_THE_ROW = new Set([400, 413, 415, 422]);

/** A model behind an OpenAI-compatible endpoint that edits images (`/images/edits`); it is asked the same only once. */
export class EditingEndpoint implements ImageEditor {
  readonly #parts: ChatModelParts;

  /**
   * @param parts - `overrides` are fields of the form besides model, image and prompt.
   * @throws UserError when a field is a list or an object, which a form cannot hold.
   */
  constructor(parts: ChatModelParts) {
    for (const [name, value] of Object.entries(parts.overrides)) {
      if (typeof value !== "object" || value === null) continue;
      throw new UserError(
        `--editor-settings: ${name} is a list or an object, expected a text, a number, true or false`,
      );
    }
    this.#parts = parts;
  }

  /**
   * Makes the endpoint that a command's options name.
   *
   * @param options - As parsed.
   * @param environment - Holds the key in `SCPO_EDITOR_API_KEY`.
   * @returns The endpoint, or undefined where no option names one.
   * @throws UserError when an option is missing or malformed.
   */
  static fromOptions(
    options: ChatOptions,
    environment: NodeJS.ProcessEnv,
    signal: AbortSignal,
  ): EditingEndpoint | undefined {
    const parts = partsFromOptions(EDITOR, options, { path: "/images/edits", reserved: RESERVED, environment, signal });
    if (parts === undefined) return undefined;
    return new EditingEndpoint({ ...parts, endpoint: { ...parts.endpoint, timeout: LONGEST, largestAnswer: LARGEST } });
  }

  /** Most images under way at a time. */
  get concurrency(): number {
    return this.#parts.concurrency;
  }

  /** See {@link ImageEditor.edit}; throws when the endpoint cannot be reached or refuses every question. */
  edit(image: Uint8Array, row: RowWithTexts): Promise<Uint8Array | string> {
    const { model, endpoint, cache, overrides } = this.#parts;
    const prompt = instructionOf(row);
    const fields = Object.entries(overrides)
      .filter(([, value]) => value !== null)
      .sort(([one], [other]) => (one < other ? -1 : 1));
    return editedOnce(cache, "the editing endpoint", { image, by: [model, fields, prompt] }, async () => {
      const form = new FormData();
      for (const [name, value] of [["model", model], ["prompt", prompt], ...fields] as const) {
        form.append(name, String(value));
      }
      const blob = new Blob([new Uint8Array(image)], { type: imageMediaType(image) });
      form.append("image", blob, `picture.${imageExtension(image)}`);
      try {
        return await post(endpoint, { body: form }, (answer) => this.#imageOf(answer));
      } catch (cause) {
        if (cause instanceof Refusal && OF_THE_ROW.has(cause.status)) {
          return `the editing endpoint refuses the picture or the instruction (${cause.said})`;
        }
        return sayWhatIsKept(cause, endpoint, cache);
      }
    });
  }

  #imageOf(answer: unknown): Uint8Array {
    const { data } = (answer ?? {}) as { data?: unknown };
    const [first] = (Array.isArray(data) ? data : []) as ({ b64_json?: unknown; url?: unknown } | null | undefined)[];
    const { b64_json: text, url } = first ?? {};
    if (typeof text === "string") return Buffer.from(text, "base64");
    if (typeof url !== "string") throw new PassingFailure("answer holds no picture");
    // An address that the server names is not asked: it could be any, one in this machine's own network too.
    throw failure(
      this.#parts.endpoint,
      "answers with the address of a picture, expected the picture; " +
        `add --editor-settings '{"response_format": "b64_json"}'`,
    );
  }
}
