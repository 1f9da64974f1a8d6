import type { TruthSource } from "../contrast-pair.js";
import { extraFieldsOf } from "../extra-fields.js";
import { type ExtraFields, type ObjectAnnotation, SIGNAL_COLUMNS } from "../pair-row.js";
import { annotationsOf } from "../annotations.js";
import { type PairDraft, RowFault } from "./importer.js";
import type { RowFields } from "./row-fields.js";

/** Columns of a pairs file beside the pair itself. */
type Carried = Omit<PairDraft, "images" | "rejectedImages" | "prompt" | "chosen" | "rejected">;

/**
 * Takes the columns of a pairs file that a row of another format has beside the pair, so that what was exported comes
 * back whole.
 *
 * @param fields - The row.
 * @throws RowFault when such a field holds something else.
 */
export function carriedColumns(fields: RowFields): Carried {
  return {
    ...named(fields.optionalId("id")),
    kind: fields.optionalText("kind"),
    detail: fields.optionalText("detail"),
    chosenWord: fields.optionalText("chosen_word"),
    rejectedWord: fields.optionalText("rejected_word"),
    objects: fields.optionalTexts("objects"),
    rejectedObjects: fields.optionalTexts("rejected_objects"),
    captions: fields.optionalTexts("captions"),
    annotations: annotations(fields),
    extra: extra(fields),
    rejectedTrue: fields.optionalTruth("rejected_true"),
    rejectedTrueBy: fields.optionalText("rejected_true_by") as TruthSource | null,
    imagesOrigin: fields.optionalText("images_origin"),
    chosenOrigin: fields.optionalText("chosen_origin"),
    rejectedImagesOrigin: fields.optionalText("rejected_images_origin"),
    rejectedOrigin: fields.optionalText("rejected_origin"),
    source: fields.optionalText("source"),
    signals: Object.fromEntries(
      SIGNAL_COLUMNS.flatMap((name) => {
        const value = fields.optionalNumber(name);
        return value === null ? [] : [[name, value]];
      }),
    ),
    difficulty: fields.optionalNumber("difficulty"),
    stage: fields.optionalNumber("stage"),
  };
}

function named(id: string | null): { id?: string } {
  return id === null ? {} : { id };
}

function extra(fields: RowFields): ExtraFields | null {
  const value = fields.value("extra");
  if (value === undefined) return null;
  const read = extraFieldsOf(value);
  if (typeof read === "string") throw new RowFault(fields.path("extra"), read);
  return read;
}

function annotations(fields: RowFields): readonly ObjectAnnotation[] | null {
  const value = fields.value("annotations");
  if (value === undefined) return null;
  const read = annotationsOf(value);
  if (typeof read === "string") throw new RowFault(fields.path("annotations"), read);
  return read;
}
