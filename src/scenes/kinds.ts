import { UserError } from "../errors.js";

/**
 * Kinds of facts that two scenes can differ in: which object, whether one more is there, how many of one, where they stand,
 * and on a tile of which colour.
 */
export const KINDS = ["object", "presence", "count", "position", "attribute"] as const;
/** A kind of facts. */
export type Kind = (typeof KINDS)[number];

/**
 * Reads which kinds a world has.
 * @param text - "all", or names of kinds with commas between them.
 * @returns The kinds, in the order of {@link KINDS}.
 * @throws UserError when a name is unknown.
 */
export function readKinds(text: string): Kind[] {
  if (text === "all") return [...KINDS];
  const names = text.split(",").map((name) => name.trim());
  const unknown = names.find((name) => !KINDS.some((kind) => kind === name));
  if (unknown !== undefined) {
    throw new UserError(`kinds: found "${unknown}", expected all or some of ${KINDS.join(",")}`);
  }
  return KINDS.filter((kind) => names.includes(kind));
}
