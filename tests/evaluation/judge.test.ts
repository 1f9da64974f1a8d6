import { expect } from "chai";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { UserError } from "../../src/errors.js";
import { type Judge, JUDGE, type JudgeParts, judgeFromOptions, openJudge } from "../../src/evaluation/judge.js";
import { chatUrl } from "../../src/chat/http.js";
import { ChatQueue } from "../../src/chat/queue.js";
import { type Asked, judgeServer, type JudgeServer, type Reply } from "./judge-server.js";

const HELLO = [{ role: "user" as const, content: "Hello" }];

async function complaint(action: () => unknown): Promise<string> {
  try {
    await action();
  } catch (error) {
    expect(error).to.be.instanceOf(UserError);
    expect((error as Error).message).to.not.include("\n");
    return (error as Error).message;
  }
  return expect.fail("nothing was wrong");
}

describe("a judge", () => {
  let cache: string;
  let server: JudgeServer | undefined;
  beforeEach(async () => {
    cache = await mkdtemp(join(tmpdir(), "scpo-judge-"));
  });
  afterEach(async () => {
    await server?.close();
    server = undefined;
    await rm(cache, { recursive: true, force: true });
  });

  async function open(reply: (asked: Asked) => Reply, parts: Partial<JudgeParts> = {}): Promise<Judge> {
    server = await judgeServer(reply);
    return judgeAt(server.url, parts);
  }
  function judgeAt(url: string, { endpoint, ...parts }: Partial<JudgeParts> = {}): Judge {
    return openJudge({
      model: "m",
      cache,
      concurrency: 2,
      overrides: {},
      ...parts,
      endpoint: { url: chatUrl(url, JUDGE), tries: 3, firstDelay: 1, ...endpoint },
    });
  }
  const entries = async (): Promise<string[]> =>
    (await readdir(cache, { recursive: true })).filter((name) => name.endsWith(".json"));

  it("sends model, settings, messages and key, and returns the text", async () => {
    server = await judgeServer(() => "Fine.");
    const keyed = openJudge({
      model: "m",
      cache,
      concurrency: 1,
      overrides: { temperature: null, seed: 7 },
      endpoint: { url: chatUrl(server.url, JUDGE), key: "secret" },
    });
    expect(await keyed.ask(HELLO, { temperature: 0, top_p: 1 })).to.deep.equal({ content: "Fine.", model: "m-0613" });
    const [asked] = server.asked;
    expect(asked?.path).to.equal("/v1/chat/completions");
    expect(asked?.headers.authorization).to.equal("Bearer secret");
    expect(asked?.body).to.deep.equal({ model: "m", messages: HELLO, top_p: 1, seed: 7 });
    for (const entry of await entries()) expect(await readFile(join(cache, entry), "utf8")).to.not.include("secret");
  });

  it("asks the same only once, another setting, model, text or repetition anew", async () => {
    const judge = await open(() => "Fine.");
    for (let time = 0; time < 3; time++) await judge.ask(HELLO, { temperature: 0, top_p: 1 });
    await judge.ask(HELLO, { top_p: 1, temperature: 0 });
    expect((server as JudgeServer).asked).to.have.length(1);
    await judge.ask(HELLO, { temperature: 1, top_p: 1 });
    await judge.ask([{ role: "system", content: "Hello" }], { temperature: 0, top_p: 1 });
    await judge.ask(HELLO, { temperature: 0, top_p: 1 }, 1);
    await judgeAt((server as JudgeServer).url, { model: "n" }).ask(HELLO, { temperature: 0, top_p: 1 });
    expect((server as JudgeServer).asked).to.have.length(5);
    expect(await entries()).to.have.length(5);
  });

  it("replaces a damaged entry of the cache", async () => {
    const judge = await open(() => "Fine.");
    await judge.ask(HELLO, {});
    const [entry] = await entries();
    await writeFile(join(cache, entry as string), '{"question":{"mod');
    expect((await judge.ask(HELLO, {})).content).to.equal("Fine.");
    expect((server as JudgeServer).asked).to.have.length(2);
    await judge.ask(HELLO, {});
    expect((server as JudgeServer).asked).to.have.length(2);
  });

  it("tries again after a failure that may pass", async () => {
    const failures: Reply[] = [
      { status: 429, body: '{"error":{"message":"slow down"}}' },
      { status: 503, body: "<html>" },
      { status: 200, body: "no JSON" },
      { status: 200, body: '{"choices":[]}' },
      { status: 200, body: "null" },
      null,
    ];
    for (const failure of failures) {
      let times = 0;
      const judge = await open(() => (times++ === 0 ? failure : "Fine."));
      expect((await judge.ask([{ role: "user", content: JSON.stringify(failure) }], {})).content).to.equal("Fine.");
      expect(times).to.equal(2);
      await server?.close();
    }
  });

  it("waits as long as Retry-After says, in seconds or until a date", async () => {
    const at: number[] = [];
    const date = new Date(Date.now() + 2500).toUTCString();
    const waits = ["0.3", date];
    const judge = await open(() => {
      at.push(Date.now());
      const wait = waits[at.length - 1];
      return wait === undefined ? "Fine." : { status: 429, headers: { "retry-after": wait }, body: "{}" };
    });
    await judge.ask(HELLO, {});
    expect((at[1] as number) - (at[0] as number)).to.be.at.least(295);
    expect(at[2]).to.be.at.least(Date.parse(date) - 5);
  });

  it("gives up at once when it is asked to wait for longer than ten minutes", async () => {
    const judge = await open(() => ({
      status: 429,
      headers: { "retry-after": "3600" },
      body: '{"error":"daily limit"}',
    }));
    expect(await complaint(() => judge.ask(HELLO, {}))).to.include("asks to wait 60 minutes (status 429: daily limit)");
    expect((server as JudgeServer).asked).to.have.length(1);
  });

  it("does not repeat a question that is refused, and never shows the key", async () => {
    server = await judgeServer(() => ({ status: 401, body: '{"error":{"message":"Incorrect API key:\\nsk-123"}}' }));
    const judge = judgeFromOptions(
      { judgeUrl: server.url, judgeModel: "m", judgeCache: cache },
      { SCPO_JUDGE_API_KEY: " sk-123\n" },
    ) as Judge;
    const message = await complaint(() => judge.ask(HELLO, {}));
    expect(message).to.include("refuses the question (status 401: Incorrect API key: [key])");
    expect(message).to.not.include("sk-123");
    expect(server.asked).to.have.length(1);
  });

  it("masks a short key where it stands by itself, and leaves words alone", async () => {
    server = await judgeServer(() => ({
      status: 401,
      body: '{"error":"x is no key, expected one such as x-y: max 3"}',
    }));
    const judge = judgeFromOptions(
      { judgeUrl: server.url, judgeModel: "m", judgeCache: cache },
      { SCPO_JUDGE_API_KEY: "x" },
    ) as Judge;
    expect(await complaint(() => judge.ask(HELLO, {}))).to.include(
      "refuses the question (status 401: [key] is no key, expected one such as [key]-y: max 3)",
    );
  });

  it("never shows a part of the key, wherever the message is cut", async () => {
    const key = `sk-"proj"-${"k".repeat(48)}`;
    const bodies: ((text: string) => Reply)[] = [
      (text) => ({ status: 401, body: JSON.stringify({ error: { message: text } }) }),
      (text) => ({ status: 401, body: JSON.stringify({ detail: text }) }),
      (text) => ({ status: 500, body: text }),
      (text) => ({ status: 200, body: `<p>${text}</p>` }),
      (text) => ({ status: 200, body: JSON.stringify({ choices: [], text }) }),
      (text) => ({ status: 307, headers: { location: `/${encodeURI(text)}` }, body: "" }),
    ];
    for (const [index, body] of bodies.entries()) {
      for (const before of [0, 60, 100, 110, 120, 130, 140, 150, 157]) {
        const endpoint = { key, tries: 1 } as Partial<JudgeParts["endpoint"]> as JudgeParts["endpoint"];
        const judge = await open(() => body(`${"x".repeat(before)}${key}`), { endpoint });
        const message = await complaint(() => judge.ask(HELLO, {}));
        expect(message, `reply ${index} after ${before}`).to.not.match(/sk-|proj|kk/);
        await server?.close();
      }
    }
  });

  it("sends nothing where a redirect points", async () => {
    const elsewhere = await judgeServer(() => "Fine.");
    try {
      for (const status of [301, 302, 303, 307, 308]) {
        const judge = await open(() => ({ status, headers: { location: `${elsewhere.url}/x` }, body: "" }));
        const message = await complaint(() => judge.ask(HELLO, {}));
        expect(message).to.include(`redirects to ${new URL(elsewhere.url).origin} (status ${status})`);
        expect(message).to.include("--judge-url");
        expect(server?.asked).to.have.length(1);
        await server?.close();
      }
      expect(elsewhere.asked).to.deep.equal([]);
    } finally {
      await elsewhere.close();
    }
  });

  it("reads no more of an answer than can be one, packed or not", async () => {
    const most = 2 ** 20;
    const endpoint = { largestAnswer: most } as Partial<JudgeParts["endpoint"]> as JudgeParts["endpoint"];
    const answer = JSON.stringify({ choices: [{ message: { content: "a".repeat(2 * most) } }] });
    const packed = gzipSync(answer);
    expect(packed.length).to.be.lessThan(most / 100);
    for (const reply of [
      { status: 200, body: answer },
      { status: 200, headers: { "content-encoding": "gzip" }, body: packed },
    ]) {
      const judge = await open(() => reply, { endpoint });
      expect(await complaint(() => judge.ask(HELLO, {}))).to.include("answers with more than 1 MiB, expected less");
      expect(server?.asked).to.have.length(1);
      await server?.close();
    }
    const judge = await open(() => ({ status: 401, body: `${" ".repeat(2 ** 24)}no` }));
    expect(await complaint(() => judge.ask(HELLO, {}))).to.include("status 401: (empty)");
  });

  it("keeps what was judged when the endpoint goes down, and goes on from there", async () => {
    const judge = await open(() => "Fine.");
    const { url } = server as JudgeServer;
    await judge.ask(HELLO, {});
    await server?.close();
    expect((await judge.ask(HELLO, {})).content).to.equal("Fine.");
    const other = [{ role: "user" as const, content: "Another" }];
    const message = await complaint(() => judge.ask(other, {}));
    expect(message).to.match(
      /^judge at http:\/\/127\.0\.0\.1:\d+: no answer after 3 tries \(.*ECONNREFUSED.*\); verdicts/,
    );
    expect(message).to.include(`kept in ${cache}`);
    server = await judgeServer(() => "Back.", Number(new URL(url).port));
    expect((await judge.ask(HELLO, {})).content).to.equal("Fine.");
    expect((await judge.ask(other, {})).content).to.equal("Back.");
    expect(server.asked).to.have.length(1);
  });

  it("gives up on an answer that does not come", async () => {
    server = await judgeServer(() => new Promise<Reply>(() => undefined));
    const judge = openJudge({
      model: "m",
      cache,
      concurrency: 1,
      overrides: {},
      endpoint: { url: chatUrl(server.url, JUDGE), tries: 2, firstDelay: 1, timeout: 50 },
    });
    expect(await complaint(() => judge.ask(HELLO, {}))).to.include("no answer after 2 tries (nothing within 0.05 s)");
  });

  it("stops when its signal is aborted", async () => {
    const controller = new AbortController();
    server = await judgeServer(() => {
      setImmediate(() => controller.abort(new Error("stop")));
      return { status: 500, body: "" };
    });
    const judge = openJudge({
      model: "m",
      cache,
      concurrency: 1,
      overrides: {},
      endpoint: { url: chatUrl(server.url, JUDGE), firstDelay: 60_000, signal: controller.signal },
    });
    const error = await judge.ask(HELLO, {}).catch((cause: unknown) => cause);
    expect(error).to.be.instanceOf(Error).and.not.instanceOf(UserError);
    expect(server.asked).to.have.length(1);
  });

  it("says that a cache cannot be written", async () => {
    await writeFile(join(cache, "file"), "");
    const judge = await open(() => "Fine.", { cache: join(cache, "file") });
    expect(await complaint(() => judge.ask(HELLO, {}))).to.include("answers cannot be kept there");
  });
});

describe("options that name a judge", () => {
  const url = "http://localhost:8000/v1";

  it("make none where none is named", () => {
    expect(judgeFromOptions({}, {})).to.equal(undefined);
    expect(judgeFromOptions({ judgeUrl: undefined }, { SCPO_JUDGE_API_KEY: "k" })).to.equal(undefined);
  });

  it("make one with the defaults", () => {
    const judge = judgeFromOptions({ judgeUrl: url, judgeModel: "m" }, {});
    expect(judge?.name).to.equal("m");
    expect(judge?.concurrency).to.equal(8);
  });

  it("complete the address", () => {
    expect(chatUrl(url, JUDGE)).to.equal("http://localhost:8000/v1/chat/completions");
    expect(chatUrl(`${url}/`, JUDGE)).to.equal("http://localhost:8000/v1/chat/completions");
    expect(chatUrl(`${url}/chat/completions?v=1`, JUDGE)).to.equal("http://localhost:8000/v1/chat/completions?v=1");
  });

  const wrong: [string, Parameters<typeof judgeFromOptions>[0], Record<string, string>][] = [
    ["--judge-url is missing", { judgeModel: "m" }, {}],
    ["--judge-model is missing", { judgeUrl: url }, {}],
    ["options for a judge without one", { judgeCache: "c" }, {}],
    ["expected an address", { judgeUrl: "localhost:8000", judgeModel: "m" }, {}],
    ["expected an address", { judgeUrl: "not an address", judgeModel: "m" }, {}],
    ["put the key into SCPO_JUDGE_API_KEY", { judgeUrl: "http://u:p@localhost/v1", judgeModel: "m" }, {}],
    ["--judge-concurrency is", { judgeUrl: url, judgeModel: "m", judgeConcurrency: "0" }, {}],
    ["--judge-settings is not a JSON object", { judgeUrl: url, judgeModel: "m", judgeSettings: "[]" }, {}],
    ["--judge-settings is not a JSON object", { judgeUrl: url, judgeModel: "m", judgeSettings: "{" }, {}],
    ["holds messages", { judgeUrl: url, judgeModel: "m", judgeSettings: '{"messages":[]}' }, {}],
    ["SCPO_JUDGE_API_KEY holds", { judgeUrl: url, judgeModel: "m" }, { SCPO_JUDGE_API_KEY: "a b" }],
  ];
  for (const [expected, options, environment] of wrong) {
    it(`are refused: ${expected}, ${JSON.stringify(options)}`, async () => {
      const message = await complaint(() => judgeFromOptions(options, environment));
      expect(message).to.include(expected);
      expect(message).to.not.include("u:p");
    });
  }
});

describe("a queue of questions", () => {
  it("runs no more than its limit at a time, and all of them", async () => {
    const queue = new ChatQueue(3);
    let running = 0;
    let most = 0;
    let done = 0;
    for (let task = 0; task < 20; task++) {
      await queue.add(async () => {
        most = Math.max(most, ++running);
        await new Promise((resolve) => setTimeout(resolve, 1));
        running -= 1;
        done += 1;
      });
    }
    await queue.drained();
    expect([most, done]).to.deep.equal([3, 20]);
  });

  it("reports the first failure once those under way have ended", async () => {
    const queue = new ChatQueue(2);
    let kept = 0;
    let started = 0;
    const failure = new Error("down");
    const add = (fails: boolean): Promise<void> =>
      queue.add(async () => {
        started += 1;
        await new Promise((resolve) => setTimeout(resolve, fails ? 1 : 20));
        if (fails) throw failure;
        kept += 1;
      });
    await add(false);
    await add(true);
    const error = await add(false).catch((cause: unknown) => cause);
    expect(error).to.equal(failure);
    expect([started, kept]).to.deep.equal([2, 1]);
    expect(await queue.drained().catch((cause: unknown) => cause)).to.equal(failure);
  });
});
