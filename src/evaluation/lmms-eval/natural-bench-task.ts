import { UserError } from "../../errors.js";
import { TallySheet } from "../tally-sheet.js";
import { numberOf } from "./metric-record.js";
import type { Sample } from "./results-file.js";
import { percentage, share, type TaskScorer } from "./task-scorer.js";

const METRIC = "naturalbench_G_ACC";

/** Right answers to question 0 on images 0 and 1, then to question 1 on both. */
const TRUTH = [1, 0, 0, 1] as const;

/** NaturalBench: lmms-eval notes the accuracy as `naturalbench_Acc`, looks for `naturalbench_ACC` and prints none. */
export const naturalBenchTask: TaskScorer = {
  knows: ({ printed }) => printed.has(METRIC),
  score({ samples }, mode) {
    const sheet = new TallySheet();
    for (const [group, answers] of groups(samples)) {
      const right = TRUTH.map((truth, at) => Number(answers.get(at) === truth)) as [number, number, number, number];
      const [a, b, c, d] = right;
      sheet.add(group, "groups", 1);
      sheet.add(group, "answers right", a + b + c + d);
      sheet.add(group, "questions right", a * b + c * d);
      sheet.add(group, "images right", a * c + b * d);
      sheet.add(group, "groups right", a * b * c * d);
    }
    return {
      sheet,
      n: samples.length,
      metrics: [
        share(METRIC, "groups with all four right"),
        share("naturalbench_Q_ACC", "questions right on both images"),
        share("naturalbench_I_ACC", "images right on both questions"),
        share("naturalbench_Acc", "answers right"),
      ],
      figures(totals) {
        const { groups: all = 0 } = totals;
        return {
          [METRIC]: percentage(totals["groups right"], all),
          naturalbench_Q_ACC: percentage(totals["questions right"], 2 * all),
          naturalbench_I_ACC: percentage(totals["images right"], 2 * all),
          naturalbench_Acc: mode === "strict" ? null : percentage(totals["answers right"], 4 * all),
        };
      },
      notes: [
        mode === "strict"
          ? "lmms-eval prints no naturalbench_Acc, for it looks for another name; --mode fixed computes it"
          : "naturalbench_Acc is computed from the samples; lmms-eval prints none, for it looks for another name",
        "resampled by group of two questions on two images",
      ],
    };
  },
};

function groups(samples: readonly Sample[]): Map<string, Map<number, number>> {
  const found = new Map<string, Map<number, number>>();
  for (const sample of samples) {
    const id = Number((sample[METRIC] as { id?: unknown } | undefined)?.id);
    if (!Number.isSafeInteger(id))
      throw new UserError(`sample ${sample.doc_id}: field ${METRIC}.id is no whole number`);
    const group = String(Math.floor(id / 4));
    const answers = found.get(group) ?? new Map<number, number>();
    answers.set(id % 4, numberOf(sample, METRIC, "score"));
    found.set(group, answers);
  }
  const torn = [...found].find(([, answers]) => answers.size !== 4);
  if (torn !== undefined) {
    throw new UserError(`naturalbench: group ${torn[0]} has ${torn[1].size} answers, expected 4: run without --limit`);
  }
  return found;
}
