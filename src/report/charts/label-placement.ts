/** A rectangle in pixels. */
export interface Box {
  left: number;
  right: number;
  top: number;
  bottom: number;
}

/** A label at its place. */
export interface PlacedLabel {
  text: string;
  x: number;
  y: number;
  anchor: "start" | "middle" | "end";
  /** A line from the point to a label that is not right beside it, or is nearer to another point. */
  leader?: { from: Position; to: Position };
}

/** A place in pixels. */
interface Position {
  x: number;
  y: number;
}

const CHARACTER = 6.6;
const LINE = 13;
/** A label this near to its point needs no line. */
const BESIDE = 12;

/**
 * Puts a label beside each point where it covers the least of points, bars and earlier labels.
 *
 * @param points - Labels with the positions that they name.
 * @param plot - Labels stay inside.
 * @param obstacles - What should stay free.
 */
export function placeLabels(
  points: readonly { text: string; x: number; y: number }[],
  plot: Box,
  obstacles: readonly Box[],
): PlacedLabel[] {
  const taken = [...obstacles];
  return points.map(({ text, x, y }) => {
    const width = text.length * CHARACTER;
    const candidates = [8, 16, 26, 38, 52].flatMap((gap): { label: PlacedLabel; box: Box }[] => [
      candidate(text, x + gap, y - gap / 2, "start", width),
      candidate(text, x - gap, y - gap / 2, "end", width),
      candidate(text, x + gap, y + gap / 2 + 8, "start", width),
      candidate(text, x - gap, y + gap / 2 + 8, "end", width),
      candidate(text, x, y - gap - 2, "middle", width),
      candidate(text, x, y + gap + 12, "middle", width),
    ]);
    const cost = ({ box }: { box: Box }): number =>
      taken.reduce((sum, other) => sum + overlap(box, other), 0) + 50 * outside(box, plot);
    const { label, box } = candidates.reduce((least, next) => (cost(next) < cost(least) ? next : least));
    taken.push(box);
    const own = nearest(box, { x, y });
    const isPlain = own.distance <= BESIDE && points.every((other) => nearest(box, other).distance >= own.distance);
    return isPlain ? label : { ...label, leader: { from: { x, y }, to: own.at } };
  });
}

function candidate(
  text: string,
  x: number,
  y: number,
  anchor: PlacedLabel["anchor"],
  width: number,
): { label: PlacedLabel; box: Box } {
  const left = anchor === "start" ? x : anchor === "end" ? x - width : x - width / 2;
  return { label: { text, x, y, anchor }, box: { left, right: left + width, top: y - LINE + 3, bottom: y + 3 } };
}

/** The place in a box that is nearest to a point, and how far it is. */
function nearest(box: Box, { x, y }: Position): { at: Position; distance: number } {
  const at = { x: clamp(x, box.left, box.right), y: clamp(y, box.top, box.bottom) };
  return { at, distance: Math.hypot(at.x - x, at.y - y) };
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}

function overlap(a: Box, b: Box): number {
  const width = Math.min(a.right, b.right) - Math.max(a.left, b.left);
  const height = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
  return width > 0 && height > 0 ? width * height : 0;
}

function outside(box: Box, plot: Box): number {
  return (
    Math.max(0, plot.left - box.left) +
    Math.max(0, box.right - plot.right) +
    Math.max(0, plot.top - box.top) +
    Math.max(0, box.bottom - plot.bottom)
  );
}
