import { UserError } from "../../errors.js";
import { type FileRow, place, shown } from "../../files/rows.js";
import { answerText, type Layout, textAmong } from "./layout.js";

/**
 * The output file of OpenAI's batches: the id that the asker chose, and a chat completion or a response.
 *
 * Source: https://platform.openai.com/docs/api-reference/batch/request-output
 */
export const openaiBatch: Layout = {
  name: "a batch's output",
  marks: "custom_id, response",
  knows: (fields) => Object.hasOwn(fields, "custom_id") && Object.hasOwn(fields, "response"),
  read(row, fields) {
    const { response, error } = fields as {
      response?: { status_code?: unknown; body?: unknown } | null;
      error?: unknown;
    };
    if (response === null || response === undefined || (response.status_code ?? 200) !== 200) {
      const why = error ?? (response?.body as { error?: unknown } | undefined)?.error ?? response;
      throw new UserError(
        `${place(row)}: question ${shown(fields["custom_id"])} has no answer but ${shown(why)}; ask it again`,
      );
    }
    return { id: textAmong(fields, ["custom_id"]), answer: said(row, response.body) };
  },
};

interface Body {
  choices?: { message?: { content?: unknown } }[];
  output?: { content?: unknown }[];
}

function said(row: FileRow, body: unknown): string {
  const { choices, output } = (body ?? {}) as Body;
  const content = Array.isArray(choices)
    ? choices[0]?.message?.content
    : Array.isArray(output)
      ? output.flatMap((item) => (Array.isArray(item?.content) ? (item.content as unknown[]) : []))
      : undefined;
  if (!Array.isArray(content)) return answerText(row, "response.body.choices[0].message.content", content);
  const parts = content as ({ text?: unknown } | null)[];
  return parts.map((part) => (typeof part?.text === "string" ? part.text : "")).join("");
}
