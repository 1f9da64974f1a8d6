import { z } from "zod";
import type { ObjectAnnotation } from "./pair-row.js";

const share = z.number().min(0).max(1);
const schema = z.array(
  z.object({
    object: z.string().min(1),
    box: z.tuple([share, share, share, share]).readonly().exactOptional(),
    attributes: z.array(z.string()).readonly().exactOptional(),
    crowd: z.boolean().exactOptional(),
  }),
);

/**
 * Reads what a cell of the column `annotations` says.
 *
 * @param value - JSON text, or the list that it stands for.
 * @returns The annotations, or what is wrong with them.
 */
export function annotationsOf(value: unknown): readonly ObjectAnnotation[] | string {
  let content = value;
  if (typeof value === "string") {
    try {
      content = JSON.parse(value);
    } catch {
      return "is not JSON, expected a list of annotations";
    }
  }
  const read = schema.safeParse(content);
  if (read.success) return read.data;
  const issue = read.error.issues[0];
  const place = issue === undefined || issue.path.length === 0 ? "" : `${issue.path.join(".")}: `;
  return `${place}${issue?.message ?? "cannot be read"}; expected [{object, box, attributes, crowd}]`;
}
