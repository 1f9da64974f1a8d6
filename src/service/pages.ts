import { invalid } from "./faults.js";

const defaultSize = 50;
const largestSize = 1000;

/** Bytes of a page; clients take messages of 4 MiB unless told otherwise. */
const largestPage = 2 * 1024 * 1024;

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
 * @param bytesOf What an item adds to the page, which ends early where it would become too large; left out: little.
 * @throws RichServerError INVALID_ARGUMENT for a token that is none of this list's.
 */
export function pageOf<T>(
  sorted: readonly T[],
  keyOf: (item: T) => string,
  request: { readonly pageSize: number; readonly pageToken: string },
  bytesOf: (item: T) => number = () => 0,
): Page<T> {
  const size = Math.min(request.pageSize === 0 ? defaultSize : request.pageSize, largestSize);
  const after = request.pageToken === "" ? undefined : decode(request.pageToken);
  const found = after === undefined ? 0 : sorted.findIndex((item) => keyOf(item) > after);
  const start = found === -1 ? sorted.length : found;
  const items = fitting(sorted.slice(start, start + size), bytesOf);
  const last = items.at(-1);
  const more = last !== undefined && start + items.length < sorted.length;
  return { items, nextPageToken: more ? encode(keyOf(last)) : "" };
}

/** The first items that fit a page together; one at least. */
function fitting<T>(items: readonly T[], bytesOf: (item: T) => number): readonly T[] {
  let bytes = 0;
  const end = items.findIndex((item, at) => (bytes += bytesOf(item)) > largestPage && at > 0);
  return end === -1 ? items : items.slice(0, end);
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
