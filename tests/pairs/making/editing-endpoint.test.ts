import { expect } from "chai";
import { spawn } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { endpointUrl } from "../../../src/chat/http.js";
import { completeFiles, completePairs } from "../../../src/pairs/making/complete-pairs.js";
import { EditingEndpoint } from "../../../src/pairs/making/editing-endpoint.js";
import { EDITOR } from "../../../src/pairs/making/endpoint-names.js";
import type { PairRow } from "../../../src/pairs/pair-row.js";
import { streamPairRows, writePairRows } from "../../../src/pairs/pair-rows.js";
import { bareRow } from "../bare-row.js";
import { SCPO } from "../../fixtures/scpo-command.js";
import { complaintOf } from "../../fixtures/rejection.js";

interface Asked {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly fields: Readonly<Record<string, string>>;
  readonly image: { readonly name: string; readonly type: string; readonly bytes: Buffer };
}

/** Where `piece` is given it is sent over and over, for as long as somebody reads. */
type Reply = { status?: number; headers?: Record<string, string>; body: unknown; piece?: Buffer };

function pictureOf(red: number, how: "png" | "jpeg" = "png"): Promise<Buffer> {
  return sharp({ create: { width: 16, height: 16, channels: 3, background: { r: red, g: 0, b: 99 } } })
    .toFormat(how)
    .toBuffer();
}

const b64 = (bytes: Buffer): Reply => ({ body: { created: 1, data: [{ b64_json: bytes.toString("base64") }] } });

describe("an endpoint that edits pictures", function () {
  this.timeout(60_000);
  let folder: string;
  let cache: string;
  let source: string;
  let server: Server;
  let url: string;
  let asked: Asked[];
  let reply: (asked: Asked) => Reply;
  let edited: Buffer;
  /** Endless answers that nobody reads any more. */
  let ended = 0;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "scpo-editor-"));
    source = join(folder, "source.parquet");
    edited = await pictureOf(250);
    await writePairRows(source, [
      row("cat", await pictureOf(1), { rejected: "There is a cat.", rejectedWord: "cat" }),
      row("hat", await pictureOf(2, "jpeg"), { rejected: "There is no dog.", rejectedWord: null }),
      row("horse", await pictureOf(3), { rejected: "There is a horse.", rejectedWord: "horse" }),
    ]);
    server = createServer((request, response) => {
      const pieces: Buffer[] = [];
      request.on("data", (piece: Buffer) => pieces.push(piece));
      request.on("end", () => {
        void formOf(Buffer.concat(pieces), request.headers).then(({ fields, image }) => {
          const one = { path: request.url ?? "", headers: request.headers, fields, image };
          asked.push(one);
          const { status = 200, headers, body, piece } = reply(one);
          response.writeHead(status, { "content-type": "application/json", ...headers });
          if (piece === undefined) return response.end(JSON.stringify(body));
          response.on("close", () => (ended += 1)).on("error", () => undefined);
          const more = (): void => void (response.write(piece) ? setImmediate(more) : response.once("drain", more));
          more();
        });
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  });
  after(async () => {
    server.closeAllConnections();
    server.close();
    await rm(folder, { recursive: true, force: true });
  });
  beforeEach(async () => {
    asked = [];
    cache = await mkdtemp(join(folder, "cache-"));
    reply = () => b64(edited);
  });

  const complete = (out: string, settings: Record<string, unknown> = {}, tries = 2) =>
    completePairs({
      source,
      out: join(folder, out),
      seed: 1,
      ways: ["endpoint"],
      band: [-1, 1],
      concurrency: 2,
      editors: {
        endpoint: new EditingEndpoint({
          model: "painter",
          endpoint: {
            names: EDITOR,
            url: endpointUrl(url, EDITOR, "/images/edits"),
            key: "sk-1",
            tries,
            firstDelay: 1,
          },
          cache,
          concurrency: 2,
          overrides: settings,
        }),
      },
    });

  it("sends model, instruction, settings, picture and key, and takes the picture", async () => {
    const summary = await complete("sent.parquet", { size: "256x256", seed: 7, quality: null });
    expect(summary).to.deep.include({
      read: 3,
      written: 3,
      quarantined: 0,
      pictures: { endpoint: { made: 3, true: 0, false: 0 } },
    });
    const rows = await all(join(folder, "sent.parquet"));
    for (const { rejectedImages, rejectedImagesOrigin } of rows) {
      expect(rejectedImagesOrigin).to.equal("endpoint");
      expect(Buffer.from(rejectedImages?.[0] ?? []).equals(edited)).to.equal(true);
    }
    const byPrompt = new Map(asked.map((one) => [one.fields["prompt"], one]));
    expect([...byPrompt.keys()]).to.have.members([
      'Replace "dog" with "cat", so that the picture shows: There is a cat.',
      'Remove "dog", so that the picture shows: There is no dog.',
      'Replace "dog" with "horse", so that the picture shows: There is a horse.',
    ]);
    const [cat] = asked.filter(({ fields }) => fields["prompt"]?.includes("cat"));
    expect(cat?.path).to.equal("/v1/images/edits");
    expect(cat?.headers.authorization).to.equal("Bearer sk-1");
    expect(cat?.fields)
      .to.deep.include({ model: "painter", size: "256x256", seed: "7" })
      .and.not.have.property("quality");
    expect(cat?.image).to.include({ name: "picture.png", type: "image/png" });
    expect(cat?.image.bytes.equals(await pictureOf(1))).to.equal(true);
    const [hat] = asked.filter(({ fields }) => fields["prompt"]?.includes("no dog"));
    expect(hat?.image).to.include({ name: "picture.jpg", type: "image/jpeg" });
  });

  it("asks the same only once; another setting is another question", async () => {
    await complete("once.parquet");
    await complete("twice.parquet");
    expect(asked).to.have.length(3);
    const [once, twice] = await Promise.all(["once", "twice"].map((name) => readFile(join(folder, `${name}.parquet`))));
    expect(once?.equals(twice as Buffer)).to.equal(true);
    await complete("other.parquet", { size: "512x512" });
    expect(asked).to.have.length(6);
  });

  it("costs a row what is refused for its sake, what is no picture, and what is the same picture", async () => {
    reply = ({ fields, image }) => {
      if (fields["prompt"]?.includes("cat")) return { status: 400, body: { error: { message: "no cats, sk-1" } } };
      return fields["prompt"]?.includes("horse") ? b64(image.bytes) : b64(Buffer.from("<html>"));
    };
    const message = await complaintOf(complete("refused.parquet"));
    expect(message).to.include("none of 3 pairs can be completed");
    const lines = (await readFile(completeFiles(join(folder, "refused.parquet")).quarantine, "utf8"))
      .trim()
      .split("\n");
    expect(lines.map((line) => (JSON.parse(line) as { reason: string }).reason)).to.deep.equal([
      "the editing endpoint refuses the picture or the instruction (status 400: no cats, [key])",
      "the editing endpoint's picture is no picture (it starts with the bytes 3c68746d)",
      "the editing endpoint changed nothing",
    ]);
    expect(await readdir(cache)).to.deep.equal([]);
  });

  it("waits and tries again after a failure that may pass, and keeps what it has when it gives up", async () => {
    let limited = 1;
    reply = ({ fields }) => {
      if (fields["prompt"]?.includes("horse")) return { status: 503, body: { error: "overloaded" } };
      return limited-- > 0 ? { status: 429, headers: { "retry-after": "0.01" }, body: {} } : b64(edited);
    };
    const message = await complaintOf(complete("down.parquet"));
    expect(message).to.match(/^editor at http:\/\/127.0.0.1:\d+: no answer after 2 tries \(status 503: overloaded\)/);
    expect(message).to.include(`pictures so far are kept in ${cache}; run the same command to continue`);
    expect((await readdir(folder)).filter((name) => name.startsWith("down"))).to.deep.equal([]);
    reply = () => b64(edited);
    const before = asked.length;
    expect(await complete("down.parquet")).to.include({ written: 3 });
    expect(asked.length).to.equal(before + 1);
  });

  it("stops at once, in one line, at a wrong key and at an answer that is an address", async () => {
    reply = () => ({ status: 401, body: { error: { message: "bad key sk-1" } } });
    expect(await complaintOf(complete("key.parquet"))).to.include(
      "refuses the question (status 401: bad key [key]); check address, model, settings and SCPO_EDITOR_API_KEY",
    );
    reply = () => ({ body: { data: [{ url: "http://169.254.169.254/secret.png" }] } });
    expect(await complaintOf(complete("address.parquet"))).to.include(
      `add --editor-settings '{"response_format": "b64_json"}'`,
    );
    reply = () => ({ body: { data: [] } });
    expect(await complaintOf(complete("empty.parquet"))).to.include("answer holds no picture");
  });

  it("reads no more of an answer than a picture can have, and lets go of the connection", async () => {
    reply = () => ({ body: undefined, piece: Buffer.alloc(2 ** 22, "a") });
    const editor = EditingEndpoint.fromOptions({ url, model: "painter", cache }, {}, new AbortController().signal);
    const answer = editor?.edit(edited, { chosenWord: "dog", rejectedWord: "cat" } as Parameters<
      typeof editor.edit
    >[1]);
    expect(await complaintOf(answer as Promise<unknown>)).to.match(
      /^editor at http:\/\/127\.0\.0\.1:\d+: answers with more than 256 MiB, expected less; check the address[^\n]*$/,
    );
    expect(asked).to.have.length(1);
    while (ended < 1) await new Promise((resolve) => setTimeout(resolve, 10));
    expect(await readdir(cache)).to.deep.equal([]);
  });

  it("sends no picture where a redirect points", async () => {
    const elsewhere = `${url}/elsewhere`;
    reply = ({ path }) =>
      path.includes("elsewhere") ? b64(edited) : { status: 307, headers: { location: elsewhere }, body: {} };
    expect(await complaintOf(complete("redirect.parquet"))).to.include(
      `redirects to ${new URL(elsewhere).origin} (status 307)`,
    );
    expect(asked.filter(({ path }) => path.includes("elsewhere"))).to.deep.equal([]);
  });

  it("works from the command line, with the key of the environment", async () => {
    const words = ["pairs", "complete", source, "--out", join(folder, "cli.parquet"), "--pictures", "endpoint"];
    const flags = ["--editor-url", url, "--editor-model", "painter", "--editor-cache", cache];
    const child = spawn(process.execPath, [...SCPO, ...words, ...flags], {
      env: { ...process.env, SCPO_EDITOR_API_KEY: "from-environment" },
    });
    let said = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (piece: Buffer) => (said += piece.toString()));
    expect(await new Promise((resolve) => child.on("close", resolve)), said).to.equal(0);
    expect(said).to.include("\n  3 endpoint: true of 0, false of 0\n");
    expect(asked[0]?.headers.authorization).to.equal("Bearer from-environment");
  });
});

function row(id: string, image: Buffer, parts: Partial<PairRow>): PairRow {
  return bareRow({ id, images: [image], chosen: "There is a dog.", chosenWord: "dog", kind: "object", ...parts });
}

async function all(path: string): Promise<PairRow[]> {
  const rows: PairRow[] = [];
  for await (const one of streamPairRows(path)) rows.push(one);
  return rows;
}

/** Reads a form by the platform's own parser. */
async function formOf(bytes: Buffer, headers: IncomingHttpHeaders): Promise<Pick<Asked, "fields" | "image">> {
  const response = new Response(new Uint8Array(bytes), { headers: { "content-type": headers["content-type"] ?? "" } });
  const fields: Record<string, string> = {};
  let image = { name: "", type: "", bytes: Buffer.alloc(0) };
  for (const [name, value] of await response.formData()) {
    if (typeof value === "string") fields[name] = value;
    else image = { name: value.name, type: value.type, bytes: Buffer.from(await value.arrayBuffer()) };
  }
  return { fields, image };
}
