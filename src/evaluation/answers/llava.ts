import { answerText, type Layout, namesImage, textAmong } from "./layout.js";

/**
 * The answers of LLaVA's `model_vqa_loader.py` and of the many scripts that follow it: the id of the question file, which
 * for MME is the path of the image, and the model's text.
 *
 * Source: https://github.com/haotian-liu/LLaVA/blob/main/llava/eval/model_vqa_loader.py
 */
export const llava: Layout = {
  name: "LLaVA's answers",
  marks: "question_id, prompt, text",
  knows: (fields) => Object.hasOwn(fields, "question_id") && Object.hasOwn(fields, "text"),
  read(row, fields) {
    const id = textAmong(fields, ["question_id"]);
    const image = textAmong(fields, ["image", "image_file", "image_path"]);
    return {
      id,
      image: image ?? (namesImage(id) ? id : undefined),
      question: textAmong(fields, ["prompt", "question"]),
      groups: textAmong(fields, ["category"])?.split(","),
      answer: answerText(row, "text", fields["text"]),
    };
  },
};
