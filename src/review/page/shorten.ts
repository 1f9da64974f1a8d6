import type { TextPiece } from "../../pairs/checking/word-difference.js";

/** A text up to this length is shown whole. */
const WHOLE = 360;
/** Characters that stay on each side of what differs. */
const AROUND = 70;
/** Characters that stay of words that differ. */
const OF_CHANGED = 160;

/**
 * Shortens a long text to what differs and what stands around it; what is left out is marked by an ellipsis.
 *
 * @param pieces - The text.
 */
export function shortened(pieces: readonly TextPiece[]): readonly TextPiece[] {
  const length = pieces.reduce((sum, { text }) => sum + text.length, 0);
  if (length <= WHOLE) return pieces;
  if (!pieces.some(({ changed }) => changed)) return pieces.map((piece) => cut(piece, WHOLE, 0));
  return pieces.map((piece, at) => {
    if (piece.changed) return cut(piece, OF_CHANGED, AROUND);
    return cut(piece, AROUND, at === pieces.length - 1 ? 0 : AROUND);
  });
}

/** Leaves so many characters of the beginning and of the end, whole words where there are blanks. */
function cut(piece: TextPiece, first: number, last: number): TextPiece {
  const { text } = piece;
  if (text.length <= first + last + AROUND / 2) return piece;
  const start = text.slice(0, first).replace(/\S{0,20}$/u, "");
  const end = last === 0 ? "" : text.slice(-last).replace(/^\S{0,20}/u, "");
  return { ...piece, text: `${start}…${end}` };
}
