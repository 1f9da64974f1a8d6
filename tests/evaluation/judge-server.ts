import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";

/** A request as the server took it. */
export interface Asked {
  path: string;
  headers: IncomingHttpHeaders;
  body: { model: string; messages: { role: string; content: string }[]; [setting: string]: unknown };
}

/** What the server answers: the judge's text, or any status, headers and body; null closes the connection. */
export type Reply = string | null | { status: number; headers?: Record<string, string>; body: string | Buffer };

/** A chat completions endpoint of the tests' own. */
export interface JudgeServer {
  /** Base address, as users give it. */
  url: string;
  asked: Asked[];
  close(): Promise<void>;
}

/**
 * Starts a server on a free port of the loopback interface, or on a given one.
 *
 * @param reply - Decides on each request.
 * @param port - 0 for a free one.
 */
export async function judgeServer(reply: (asked: Asked) => Reply | Promise<Reply>, port = 0): Promise<JudgeServer> {
  const asked: Asked[] = [];
  const server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on("data", (piece: Buffer) => pieces.push(piece));
    request.on("end", () => {
      const body = JSON.parse(Buffer.concat(pieces).toString()) as Asked["body"];
      const one = { path: request.url ?? "", headers: request.headers, body };
      asked.push(one);
      void Promise.resolve(reply(one)).then((answer) => {
        if (answer === null) return request.socket.destroy();
        if (typeof answer === "string") {
          response.writeHead(200, { "content-type": "application/json" });
          return response.end(
            JSON.stringify({
              model: `${body.model}-0613`,
              choices: [{ message: { role: "assistant", content: answer } }],
            }),
          );
        }
        response.writeHead(answer.status, answer.headers);
        return response.end(answer.body);
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    asked,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
