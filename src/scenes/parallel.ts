// Enough to keep the image library's threads busy, few enough to keep memory small.
const AHEAD = 16;

/**
 * Makes `count` items, several at a time, and gives them out in order.
 * @param count - Number of items.
 * @param make - Makes the item of an index, 0 to count - 1.
 */
export async function* inParallel<T>(count: number, make: (index: number) => Promise<T>): AsyncGenerator<T> {
  for (let start = 0; start < count; start += AHEAD) {
    const length = Math.min(AHEAD, count - start);
    yield* await Promise.all(Array.from({ length }, (_, offset) => make(start + offset)));
  }
}
