import { invalid } from "./faults.js";

const defaultSize = 50;
const largestSize = 1000;

/** One page of a list, and the token of the next; empty on the last. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly nextPageToken: string;
}

/**
 * Cuts a page out of a sorted list. The token names the last item of the page before, so that items which come or go
 * meanwhile neither repeat nor hide others.
 *
 * @param sorted Items in the order of the list.
 * @param keyOf A key that sorts as the list does; no two items share one.
 * @param request.pageSize 0: 50; more than 1000 gives 1000.
 * @throws RichServerError INVALID_ARGUMENT for a token that is none of this list's.
 */
export function pageOf<T>(
  sorted: readonly T[],
  keyOf: (item: T) => string,
  request: { readonly pageSize: number; readonly pageToken: string },
): Page<T> {
  const size = Math.min(request.pageSize === 0 ? defaultSize : request.pageSize, largestSize);
  const after = request.pageToken === "" ? undefined : decode(request.pageToken);
  const found = after === undefined ? 0 : sorted.findIndex((item) => keyOf(item) > after);
  const start = found === -1 ? sorted.length : found;
  const items = sorted.slice(start, start + size);
  const last = items.at(-1);
  const more = last !== undefined && start + size < sorted.length;
  return { items, nextPageToken: more ? encode(keyOf(last)) : "" };
}

function encode(key: string): string {
  return Buffer.from(JSON.stringify({ after: key })).toString("base64url");
}

function decode(token: string): string {
  try {
    const { after } = JSON.parse(Buffer.from(token, "base64url").toString("utf8")) as { after: unknown };
    if (typeof after === "string") return after;
  } catch {
    // Told below.
  }
  throw invalid({
    field: "page_token",
    description: "found no token of this list, expected next_page_token of a page",
  });
}
