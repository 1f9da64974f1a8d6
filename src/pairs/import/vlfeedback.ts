import { type Importer, type PairDraft, RowFault } from "./importer.js";
import { withoutMarkers } from "./messages.js";
import { asText, describe, RowFields } from "./row-fields.js";
import { eachPair } from "./source-rows.js";

/**
 * VLFeedback: four answers a question, each rated in three aspects. Every two of them make a pair, the one with the
 * higher mean rating chosen, as in the published training script; two that are rated alike are no pair.
 * Li et al., arXiv 2312.10665; https://github.com/vlf-silkie/VLFeedback/blob/main/run_dpo.py.
 */
export const vlfeedback: Importer = {
  name: "vlfeedback",
  about: "VLFeedback: answers that a model rated; every two with different ratings make a pair",
  documentation: "https://huggingface.co/datasets/MMInstruction/VLFeedback",
  read: (source, settings) => eachPair(source, settings, pairsOf),
};

interface Completion {
  readonly field: string;
  readonly response: string;
  readonly annotations: unknown;
}

function pairsOf(row: RowFields): (PairDraft | RowFault)[] {
  const id = row.text("id");
  const prompt = withoutMarkers(row.text("prompt"), "prompt");
  const field = row.value("image") === undefined ? "img_path" : "image";
  const images = { field, value: row.required(field) };
  const completions = completionsOf(row);
  if (completions.length < 2) {
    throw new RowFault("completions", `holds ${completions.length} completions, expected two or more to compare`);
  }
  return completions.flatMap((first, at) =>
    completions.slice(at + 1).map((second, further) => {
      try {
        const [better, worse] = ranked(first, second);
        const texts = { prompt, chosen: better.response, rejected: worse.response };
        return { id: `${id}/${at}-${at + 1 + further}`, images, ...texts };
      } catch (error) {
        if (error instanceof RowFault) return error;
        throw error;
      }
    }),
  );
}

/** JSON lines have a list of completions; Parquet made by `datasets` has an object of lists. */
function completionsOf(row: RowFields): Completion[] {
  const value = row.required("completions");
  if (Array.isArray(value)) {
    return value.map((item, at) => {
      const completion = new RowFields(item, `completions[${at}]`);
      const response = completion.text("response");
      return { field: `completions[${at}]`, response, annotations: completion.required("annotations") };
    });
  }
  const lists = row.fields("completions");
  const annotations = lists.list("annotations");
  return lists.list("response").map((response, at) => ({
    field: `completions[${at}]`,
    response: asText(response, `completions.response[${at}]`),
    annotations: annotations[at],
  }));
}

function ranked(first: Completion, second: Completion): [Completion, Completion] {
  const [one, two] = [meanRating(first), meanRating(second)];
  if (one > two) return [first, second];
  if (two > one) return [second, first];
  throw new RowFault(second.field, `is rated ${two.toFixed(2)} as ${first.field} is, so neither is better`);
}

function meanRating({ field, annotations }: Completion): number {
  const aspects = new RowFields(annotations, `${field}.annotations`);
  const ratings = aspects.names.map((name) => {
    const value = aspects.fields(name).value("Rating");
    const rating = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
    if (typeof rating === "number" && Number.isFinite(rating)) return rating;
    throw new RowFault(`${field}.annotations.${name}.Rating`, `found ${describe(value)}, expected a number`);
  });
  if (ratings.length === 0) throw new RowFault(`${field}.annotations`, "holds no rating, expected at least one");
  return ratings.reduce((sum, rating) => sum + rating, 0) / ratings.length;
}
