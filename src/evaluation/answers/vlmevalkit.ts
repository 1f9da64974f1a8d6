import { answerText, type Layout, textAmong } from "./layout.js";

/**
 * VLMEvalKit's prediction files: the table of the benchmark without its images, and the column `prediction`. Its
 * `index` counts the rows of that table and is no id of the benchmark. A question that several parts of a benchmark ask
 * stands once, with all their names in `category`.
 *
 * Source: https://github.com/open-compass/VLMEvalKit/blob/main/vlmeval/dataset/image_yorn.py and `POPE_rating` in
 * https://github.com/open-compass/VLMEvalKit/blob/main/vlmeval/dataset/utils/yorn.py
 */
export const vlmevalkit: Layout = {
  name: "VLMEvalKit's predictions",
  marks: "index, question, prediction",
  knows: (fields) => Object.hasOwn(fields, "index") && Object.hasOwn(fields, "prediction"),
  read(row, fields) {
    return {
      image: textAmong(fields, ["image_path", "image_source", "image_name"]),
      question: textAmong(fields, ["question"]),
      groups: textAmong(fields, ["category"])?.split(","),
      answer: answerText(row, "prediction", fields["prediction"]),
    };
  },
};
