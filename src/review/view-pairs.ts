import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { UserError } from "../errors.js";
import { withDuckDB } from "../pairs/duckdb.js";
import { decisionsPathOf } from "./decisions-file.js";
import { admit, newToken, PROTECTING_HEADERS } from "./guard.js";
import { PAGE, PAGE_STYLE_PATH } from "./page-html.js";
import { PAGE_STYLE } from "./page-style.js";
import { type PageFile, pageModules } from "./page-files.js";
import { type Answer, answerQuestion } from "./routes.js";
import { Review } from "./review.js";

/** What is viewed, and where it is offered. */
export interface ViewPairsOptions {
  /** The pairs file. */
  readonly pairs: string;
  /** File of the decisions. @default `PAIRS.decisions.jsonl` */
  readonly decisions?: string | undefined;
  /** Port on this machine; 0: a free one. @default 0 */
  readonly port?: number;
  readonly signal?: AbortSignal;
}

/** A page that is offered. */
export interface PairsView {
  /** Address of the page; it holds a secret, since whoever knows it may decide. */
  readonly address: string;
  /** Pairs of the file. */
  readonly rows: number;
  /** Decisions that were there already. */
  readonly decisions: number;
  readonly decisionsPath: string;
  /** Resolves when the page is no longer offered, by `close` or by the signal. */
  readonly ended: Promise<void>;
  /** Stops offering the page; what was decided is saved already. Safe to call twice. */
  close(): Promise<void>;
}

/**
 * Offers a page on this machine that shows the pairs of a file and takes decisions about them.
 *
 * @param options - The file and the place.
 * @returns When the page can be opened.
 * @throws UserError naming what is wrong with the file, the decisions or the port.
 */
export async function viewPairs(options: ViewPairsOptions): Promise<PairsView> {
  const { pairs, decisions = decisionsPathOf(pairs), port = 0, signal } = options;
  const modules = await pageModules();
  let end = (): void => undefined;
  const ended = new Promise<void>((resolve) => (end = resolve));
  return new Promise((resolve, reject) => {
    const offered = withDuckDB(pairs, signal === undefined ? {} : { signal }, async (connection, connect) => {
      const review = await Review.open(pairs, decisions, connection, connect);
      try {
        const token = newToken();
        const underWay = new Set<Promise<void>>();
        let bound = port;
        const server = await listen(port, (request, response) => {
          const answered = respond(request, response, { token, modules, review, port: bound });
          underWay.add(answered);
          void answered.then(() => underWay.delete(answered));
        });
        bound = (server.address() as AddressInfo).port;
        signal?.addEventListener("abort", end);
        const known = review.decisions.decisions.size;
        resolve({
          address: `http://127.0.0.1:${bound}/${token}/`,
          rows: review.table.rows,
          decisions: known,
          decisionsPath: decisions,
          ended: offered,
          close: () => {
            end();
            return offered;
          },
        });
        if (signal?.aborted !== true) await ended;
        await stop(server);
        // The database must not be closed under a query.
        await Promise.all(underWay);
        await review.images.settled();
      } finally {
        signal?.removeEventListener("abort", end);
        await review.decisions.close();
      }
    });
    offered.catch(reject);
  });
}

function listen(port: number, answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<Server> {
  const server = createServer(answer);
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const reason = error.code === "EADDRINUSE" ? "it is in use" : (error.code ?? error.message);
      reject(new UserError(`--port: cannot listen on 127.0.0.1:${port}: ${reason}; name another, or 0 for a free one`));
    });
    server.listen(port, "127.0.0.1", () => resolve(server));
  });
}

/** What is under way is answered, and the connections are closed. */
async function stop(server: Server): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve));
  server.closeIdleConnections();
  setTimeout(() => server.closeAllConnections(), 1000).unref();
  await closed;
}

interface Offered {
  readonly token: string;
  readonly port: number;
  readonly modules: ReadonlyMap<string, PageFile>;
  readonly review: Review;
}

async function respond(request: IncomingMessage, response: ServerResponse, offered: Offered): Promise<void> {
  const admitted = admit(request, offered.token, offered.port);
  let answer: Answer;
  try {
    answer = typeof admitted === "number" ? refusal(admitted) : await answerTo(request, admitted, offered);
  } catch (error) {
    answer = { status: 500, type: "application/json", body: JSON.stringify({ error: (error as Error).message }) };
  }
  response.writeHead(answer.status, {
    ...PROTECTING_HEADERS,
    "content-type": answer.type,
    "content-length": Buffer.byteLength(answer.body),
    "cache-control": answer.lasting === true ? "private, max-age=86400, immutable" : "no-store",
  });
  response.end(request.method === "HEAD" ? undefined : answer.body);
}

async function answerTo(
  request: IncomingMessage,
  { path, query }: { path: string; query: URLSearchParams },
  { modules, review }: Offered,
): Promise<Answer> {
  if (path.startsWith("api/")) return answerQuestion(path.slice("api/".length), query, request, review);
  if (path === "") return { status: 200, type: "text/html; charset=utf-8", body: PAGE };
  if (path === PAGE_STYLE_PATH) return { status: 200, type: "text/css; charset=utf-8", body: PAGE_STYLE };
  const file = modules.get(path);
  return file === undefined ? refusal(404) : { status: 200, type: file.type, body: file.content };
}

function refusal(status: number): Answer {
  return { status, type: "text/plain; charset=utf-8", body: "scpo pairs view: not found\n" };
}
