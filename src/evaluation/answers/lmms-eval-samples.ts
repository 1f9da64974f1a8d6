import { answerText, type Fields, type Layout, namesImage, textAmong } from "./layout.js";

/**
 * What lmms-eval writes with `--log_samples`: a row of the data set in `doc`, what the model said in `resps`, and that
 * without its reasoning in `filtered_resps`.
 *
 * Source: https://github.com/EvolvingLMMs-Lab/lmms-eval/blob/main/lmms_eval/evaluator.py; the rows of the data sets in
 * https://github.com/EvolvingLMMs-Lab/lmms-eval/blob/main/lmms_eval/tasks/pope/utils.py and
 * https://github.com/EvolvingLMMs-Lab/lmms-eval/blob/main/lmms_eval/tasks/mme/utils.py
 */
export const lmmsEvalSamples: Layout = {
  name: "lmms-eval's samples",
  marks: "doc_id, doc, resps",
  knows: (fields) =>
    Object.hasOwn(fields, "doc_id") && (Object.hasOwn(fields, "filtered_resps") || Object.hasOwn(fields, "resps")),
  read(row, fields) {
    const doc = typeof fields["doc"] === "object" && fields["doc"] !== null ? (fields["doc"] as Fields) : {};
    const id = textAmong(doc, ["question_id", "id"]);
    const image = textAmong(doc, ["image_source", "image_path", "image_name", "file_name"]);
    return {
      id,
      image: image ?? (namesImage(id) ? id : undefined),
      question: textAmong(doc, ["question", "query", "text"]),
      groups: textAmong(doc, ["category"])?.split(","),
      answer: answerText(row, "filtered_resps", first(fields["filtered_resps"]) ?? first(first(fields["resps"]))),
    };
  },
};

function first(value: unknown): unknown {
  return Array.isArray(value) ? (value as unknown[])[0] : value;
}
