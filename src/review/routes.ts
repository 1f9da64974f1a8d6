import type { IncomingMessage } from "node:http";
import { z } from "zod";
import { UserError } from "../errors.js";
import { imageFault, imageMediaType } from "../pairs/image-bytes.js";
import { FILTER, SORT } from "./filter.js";
import type { Review } from "./review.js";
import { type DecisionRequest, VERDICTS } from "./wire.js";

/** What a request is answered with. */
export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string | Uint8Array;
  /** The same as long as the view runs. */
  readonly lasting?: boolean;
}

/** A request that cannot be answered. */
class RequestError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const LARGEST_BODY = 10_000;
const MOST_CARDS = 200;

const DECISION: z.ZodType<DecisionRequest> = z
  .strictObject({
    row: z.int().min(0),
    verdict: z.enum(VERDICTS),
    stage: z.int().min(0).nullable(),
  })
  .refine(({ verdict, stage }) => (verdict === "stage") === (stage !== null), "stage goes with verdict stage");

/**
 * Answers a question of the page.
 *
 * @param path - Behind `api/`.
 * @param query - The address's.
 * @param request - For its method and body.
 * @param review - The file that is viewed.
 */
export async function answerQuestion(
  path: string,
  query: URLSearchParams,
  request: IncomingMessage,
  review: Review,
): Promise<Answer> {
  try {
    if (path === "decisions") {
      if (request.method !== "POST") throw new RequestError(405, "expected POST");
      return json(await review.decide(parsed(DECISION, await bodyOf(request), "the decision")));
    }
    if (request.method !== "GET") throw new RequestError(405, "expected GET");
    const [name, ...rest] = path.split("/");
    if (name === "pictures") return await image(review, rest);
    return json(await answered(name as string, rest, query, review));
  } catch (error) {
    if (error instanceof RequestError) return json({ error: error.message }, error.status);
    if (error instanceof UserError) return json({ error: error.message }, 409);
    throw error;
  }
}

async function answered(
  name: string,
  rest: readonly string[],
  query: URLSearchParams,
  review: Review,
): Promise<unknown> {
  const filter = () => parsed(FILTER, query.get("filter"), "filter");
  switch (name) {
    case "file":
      return review.facts();
    case "selection":
      return review.selections.select(filter(), parsed(SORT, query.get("sort"), "sort"));
    case "cards": {
      const count = wholeNumber(query.get("count"), "count", MOST_CARDS);
      const rows = review.selections.rows(query.get("key") ?? "", wholeNumber(query.get("from"), "from"), count);
      if (rows === null) throw new RequestError(410, "these pairs are no longer kept: select again");
      review.images.expect(rows);
      return review.cards.of(rows);
    }
    case "pairs": {
      await review.table.requireUnchanged();
      const record = await review.cards.record(wholeNumber(rest[0] ?? null, "row"));
      if (record === null) throw new RequestError(404, "the file has no such row");
      return record;
    }
    case "figures":
      return review.figures(filter());
    case "relation":
      return review.relation(filter(), query.get("x") ?? "", query.get("y") ?? "");
    case "correlations":
      return review.correlations(filter());
    default:
      throw new RequestError(404, "no such question");
  }
}

async function image(review: Review, [row, side, place = "0"]: readonly string[]): Promise<Answer> {
  await review.table.requireUnchanged();
  if ((side !== "images" && side !== "rejected_images") || /^\d+$/.exec(place) === null) {
    throw new RequestError(404, "no such picture");
  }
  const images = await review.images.of(wholeNumber(row ?? null, "row"));
  const list = side === "images" ? images.images : images.rejectedImages;
  const bytes = list[Number(place)];
  if (bytes === undefined) throw new RequestError(404, side === "images" ? "missing" : "still to be made");
  const fault = imageFault(bytes);
  if (fault !== null) throw new RequestError(415, fault);
  return { status: 200, type: imageMediaType(bytes), body: bytes, lasting: true };
}

function json(value: unknown, status = 200): Answer {
  return { status, type: "application/json; charset=utf-8", body: JSON.stringify(value) };
}

function wholeNumber(text: string | null, name: string, most = 2 ** 32 - 1): number {
  const value = Number(text);
  if (text !== null && /^\d+$/.test(text) && value <= most) return value;
  throw new RequestError(400, `${name} is ${text}, expected a whole number up to ${most}`);
}

function parsed<Value>(schema: z.ZodType<Value>, text: string | null, name: string): Value {
  let value: unknown;
  try {
    value = JSON.parse(text ?? "");
  } catch {
    throw new RequestError(400, `${name} is no JSON`);
  }
  const read = schema.safeParse(value);
  if (read.success) return read.data;
  throw new RequestError(400, `${name}: ${read.error.issues[0]?.message ?? "not understood"}`);
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  if (request.headers["content-type"] !== "application/json") throw new RequestError(415, "expected application/json");
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of request as AsyncIterable<Buffer>) {
    length += piece.length;
    if (length > LARGEST_BODY) throw new RequestError(413, `expected at most ${LARGEST_BODY} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString("utf8");
}
