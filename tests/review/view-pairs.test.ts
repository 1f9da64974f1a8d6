import { expect } from "chai";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { type IncomingHttpHeaders, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UserError } from "../../src/errors.js";
import { writePairRows } from "../../src/pairs/pair-rows.js";
import { readDecisions } from "../../src/review/decisions-file.js";
import { type PairsView, viewPairs } from "../../src/review/view-pairs.js";
import { reviewPairs } from "../fixtures/review-pairs.js";
import { SCPO } from "../fixtures/scpo-command.js";

interface Answered {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** Unlike `fetch`, this sends a foreign host and does not tidy the path. */
function ask(
  address: string,
  path: string,
  { method = "GET", headers = {}, body = "" }: Asked = {},
): Promise<Answered> {
  const { port } = new URL(address);
  return new Promise((resolve, reject) => {
    const asked = request({ host: "127.0.0.1", port, path, method, headers }, (response) => {
      const pieces: Buffer[] = [];
      response.on("data", (piece: Buffer) => pieces.push(piece));
      response.on("end", () => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(pieces) });
      });
    });
    asked.on("error", reject);
    asked.end(body);
  });
}

describe("the page of scpo pairs view", function () {
  this.timeout(60_000);
  let folder: string;
  let pairs: string;
  let view: PairsView;
  let path: string;
  const json = { "content-type": "application/json" };

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "scpo-view-"));
    pairs = join(folder, "pairs.parquet");
    await writePairRows(pairs, await reviewPairs(30));
    view = await viewPairs({ pairs });
    ({ pathname: path } = new URL(view.address));
  });
  after(async () => {
    await view.close();
    await rm(folder, { recursive: true, force: true });
  });

  it("lets in who knows the address, and nobody else", async () => {
    const { port } = new URL(view.address);
    const wrong = path.replace(/.\/$/, (end) => (end === "A/" ? "B/" : "A/"));
    for (const [asked, headers, status] of [
      [path, {}, 200],
      [path, { host: `localhost:${port}` }, 200],
      ["/", {}, 404],
      [wrong, {}, 404],
      [`${wrong}api/file`, {}, 404],
      [`${path}api/file`, {}, 200],
      [`${path}api/file`, { host: "evil.example" }, 421],
      [`${path}api/file`, { host: `evil.example:${port}` }, 421],
      [`${path}api/file`, { origin: "http://evil.example" }, 403],
      [`${path}../package.json`, {}, 404],
      [`${path}package.json`, {}, 404],
      [`${path}cli/main.js`, {}, 404],
      [`${path}review/page/main.js`, {}, 200],
    ] as const) {
      const answer = await ask(view.address, asked, { headers });
      expect(answer.status, `${asked} ${JSON.stringify(headers)}`).to.equal(status);
      expect(answer.headers["content-security-policy"]).to.include("default-src 'none'");
      expect(answer.headers["x-content-type-options"]).to.equal("nosniff");
      expect(answer.headers["access-control-allow-origin"]).to.equal(undefined);
    }
  });

  it("serves pictures that last, and says why one cannot be shown", async () => {
    const rows = await reviewPairs(30);
    const shown = await ask(view.address, `${path}api/pictures/4/images`);
    expect(shown.headers["content-type"]).to.equal("image/png");
    expect(shown.headers["cache-control"]).to.include("immutable");
    expect(new Uint8Array(shown.body)).to.deep.equal(rows[4]?.images[0]);
    const missing = await ask(view.address, `${path}api/pictures/6/rejected_images`);
    expect([missing.status, missing.body.toString()]).to.deep.equal([404, '{"error":"still to be made"}']);
  });

  it("refuses what it does not understand, and lives on", async () => {
    const selection = (filter: string) =>
      `api/selection?filter=${encodeURIComponent(filter)}&sort=${encodeURIComponent('{"column":null,"descending":false}')}`;
    const filter = { text: "", kinds: [], stages: [], verdicts: [], truths: [], ranges: [], incomplete: false };
    const range = { column: '"; drop table pairs; --', low: 0, high: 1 };
    for (const [asked, status] of [
      ["api/nothing", 404],
      ["api/pairs/-1", 400],
      ["api/pairs/99", 404],
      ["api/pictures/1/../../../etc/passwd", 404],
      ["api/cards?key=none&from=0&count=24", 410],
      ["api/cards?key=none&from=0&count=2400000", 400],
      [selection("{"), 400],
      [selection("{}"), 400],
      [selection(JSON.stringify({ ...filter, ranges: [range] })), 409],
      [selection(JSON.stringify({ ...filter, text: "'; drop table pairs; --" })), 200],
      [selection(JSON.stringify(filter)), 200],
    ] as const) {
      expect((await ask(view.address, path + asked)).status, asked).to.equal(status);
    }
    const decide = (body: string, headers: Record<string, string> = json, method = "POST") =>
      ask(view.address, `${path}api/decisions`, { method, headers, body });
    expect((await decide('{"row":1,"verdict":"accept","stage":null}', {})).status).to.equal(415);
    expect((await decide('{"row":1,"verdict":"accept","stage":1}')).status).to.equal(400);
    expect((await decide('{"row":99,"verdict":"accept","stage":null}')).status).to.equal(409);
    expect((await decide(" ".repeat(20_000))).status).to.equal(413);
    expect((await decide("", {}, "GET")).status).to.equal(405);
    expect((await readDecisions(view.decisionsPath)).size).to.equal(0);
    expect((await decide('{"row":1,"verdict":"stage","stage":2}')).status).to.equal(200);
    expect([...(await readDecisions(view.decisionsPath)).keys()]).to.deep.equal(["pair-1"]);
  });

  it("says in one line that a port is taken", async () => {
    const port = Number(new URL(view.address).port);
    const error = await viewPairs({ pairs, port, decisions: join(folder, "other.jsonl") }).catch(
      (cause: unknown) => cause,
    );
    expect(error).to.be.instanceOf(UserError);
    expect((error as Error).message).to.include(`cannot listen on 127.0.0.1:${port}: it is in use`);
  });

  it("ends while it is asked much, and takes the questions under way along", async () => {
    for (const how of ["close", "abort"] as const) {
      const stop = new AbortController();
      const other = await viewPairs({ pairs, decisions: join(folder, `${how}.jsonl`), signal: stop.signal });
      const { pathname } = new URL(other.address);
      const filter = { text: "", kinds: [], stages: [], verdicts: [], truths: [], ranges: [], incomplete: true };
      const query = new URLSearchParams({ filter: JSON.stringify(filter), sort: '{"column":null,"descending":false}' });
      const questions = Array.from(
        { length: 60 },
        (_, at) =>
          [
            `pictures/${at % 30}/images`,
            `selection?${query.toString()}`,
            `figures?${query.toString()}`,
            `pairs/${at % 30}`,
          ][at % 4],
      );
      const asked = questions.map((question) => ask(other.address, `${pathname}api/${question}`));
      const settled = Promise.allSettled(asked);
      await Promise.race(asked);
      if (how === "close") await other.close();
      else stop.abort(new Error("stopped"));
      await other.ended;
      await settled;
      const late = await ask(other.address, pathname).catch((cause: unknown) => cause);
      expect((late as NodeJS.ErrnoException).code).to.equal("ECONNREFUSED");
    }
  });

  it("the command says the address, and Ctrl-C ends it cleanly with every decision saved", async () => {
    const decisions = join(folder, "cli.jsonl");
    const command = [...SCPO, "pairs", "view", pairs, "--decisions", decisions, "--json"];
    const child: ChildProcess = spawn(process.execPath, command, { stdio: ["ignore", "pipe", "pipe"] });
    const [said] = (await once(child.stdout as NodeJS.ReadableStream, "data")) as [Buffer];
    const { address, rows } = JSON.parse(said.toString()) as { address: string; rows: number };
    expect(rows).to.equal(30);
    const body = '{"row":2,"verdict":"reject","stage":null}';
    await ask(address, `${new URL(address).pathname}api/decisions`, { method: "POST", headers: json, body });
    child.kill("SIGINT");
    const [code] = (await once(child, "exit")) as [number];
    expect(code).to.equal(0);
    expect((await readFile(decisions, "utf8")).trimEnd().split("\n")).to.have.length(1);
    expect((await readdir(folder)).filter((name) => name.includes("spill"))).to.deep.equal([]);
    const apply = ["pairs", "apply", pairs, "--out", join(folder, "out.parquet"), "--decisions", decisions];
    const { stdout, status } = spawnSync(process.execPath, [...SCPO, ...apply], { encoding: "utf8" });
    expect(status).to.equal(0);
    expect(stdout).to.include("read 30 pairs = 29 written").and.include("+ 1 rejected");
  });
});
