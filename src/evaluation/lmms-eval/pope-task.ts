import { TallySheet } from "../tally-sheet.js";
import { readYesNoByWord } from "../yes-no.js";
import { shown } from "../../files/rows.js";
import { textOf } from "./metric-record.js";
import { percentage, share, type TaskScorer } from "./task-scorer.js";

/** POPE: lmms-eval's yes ratio counts the labels, so that it says nothing about the model. */
export const popeTask: TaskScorer = {
  knows: ({ printed }) => printed.has("pope_yes_ratio"),
  score({ samples }, mode) {
    const sheet = new TallySheet();
    let near = 0;
    let first = "";
    for (const sample of samples) {
      const said = textOf(sample, "pope_accuracy", "prediction");
      const truth = textOf(sample, "pope_accuracy", "ground_truth");
      const unit = String(sample.doc_id);
      sheet.add(unit, "asked", 1);
      if (said !== "yes" && said !== "no" && readYesNoByWord(said) !== null) {
        if (near === 0) first = shown(said);
        near += 1;
      }
      if (said === truth) sheet.add(unit, "right", 1);
      if (said === "yes") sheet.add(unit, "said yes", 1);
      if (truth === "yes") sheet.add(unit, "is yes", 1);
      if (said === "yes" && truth === "yes") sheet.add(unit, "true yes", 1);
      // Recall leaves out present objects about which the answer was neither yes nor no.
      if (said === "no" && truth === "yes") sheet.add(unit, "false no", 1);
    }
    return {
      sheet,
      n: samples.length,
      metrics: [
        share("pope_accuracy", "accuracy"),
        share("pope_precision", "precision of yes"),
        share("pope_recall", "recall of yes"),
        share("pope_f1_score", "F1 of yes"),
        {
          name: "pope_yes_ratio",
          title: mode === "strict" ? "share of labels that are yes" : "share of answers that are yes",
          better: "neither",
          digits: 2,
        },
      ],
      figures(totals) {
        const { asked, right, "said yes": saidYes, "is yes": isYes, "true yes": trueYes = 0 } = totals;
        const none = mode === "strict" ? 0 : null;
        const precision = percentage(trueYes, saidYes) ?? none;
        const recall = percentage(trueYes, trueYes + (totals["false no"] ?? 0)) ?? none;
        const sum = (precision ?? 0) + (recall ?? 0);
        return {
          pope_accuracy: percentage(right, asked),
          pope_precision: precision,
          pope_recall: recall,
          pope_f1_score: precision === null || recall === null || sum === 0 ? none : (2 * precision * recall) / sum,
          pope_yes_ratio: percentage(mode === "strict" ? isYes : saidYes, asked),
        };
      },
      notes: [
        mode === "strict"
          ? "lmms-eval's pope_yes_ratio counts the labels, not the answers; --mode fixed counts the answers"
          : "pope_yes_ratio counts the answers; lmms-eval's own counts the labels",
        ...(near === 0
          ? []
          : [
              `${near} of ${samples.length} answers say yes or no but not exactly so (first ${first}): lmms-eval counts ` +
                "them as wrong; scpo eval score pope reads their words",
            ]),
      ],
    };
  },
};
