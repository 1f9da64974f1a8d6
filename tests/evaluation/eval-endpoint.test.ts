import { expect } from "chai";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import sharp from "sharp";
import { scenes } from "../../src/evaluation/scenes/scenes.js";
import { writeEvaluationScenes } from "../../src/scenes/world-files.js";
import { endpointFromOptions, runEndpoint } from "../../src/evaluation/run/endpoint.js";
import { pope } from "../../src/evaluation/pope/pope.js";
import { prepareQuestions, type QuestionRequest, type RunOutcome } from "../../src/evaluation/run/run-benchmark.js";
import { score } from "../../src/evaluation/score.js";
import { drawPope } from "../fixtures/drawn-pope.js";
import { complaintOf } from "../fixtures/rejection.js";
import { type Asked, judgeServer, type JudgeServer, type Reply } from "./judge-server.js";

const KEY = "sk-a-key-of-the-tests";

/** What a picture question is made of. */
interface Parts {
  url: string;
  text: string;
}

describe("scpo eval run with a model behind an endpoint", () => {
  let folder: string;
  let count: number;
  let server: JudgeServer | undefined;
  let runs = 0;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "scpo-endpoint-"));
    count = await drawPope(folder, 3);
  });
  afterEach(() => server?.close());
  after(() => rm(folder, { recursive: true, force: true }));

  const serve = async (reply: (asked: Asked) => Reply | Promise<Reply>): Promise<JudgeServer> => {
    await server?.close();
    return (server = await judgeServer(reply));
  };

  function partsOf({ body }: Asked): Parts {
    const [image, text] = body.messages[0]?.content as unknown as [{ image_url: { url: string } }, { text: string }];
    return { url: image.image_url.url, text: text.text };
  }

  interface Changes extends Partial<QuestionRequest> {
    concurrency?: string;
    settings?: string;
    signal?: AbortSignal;
  }

  async function run(at: JudgeServer, changes: Changes = {}): Promise<RunOutcome> {
    const { concurrency, settings, signal, ...request } = changes;
    const named = { url: at.url, model: "seeing", concurrency, settings };
    const parts = endpointFromOptions(named, { SCPO_ENDPOINT_API_KEY: KEY }, signal);
    if (parts === undefined) throw new Error("no endpoint");
    const asked = { benchmark: pope, annotations: folder, images: join(folder, "images"), maxNewTokens: 7 };
    const prepared = await prepareQuestions({
      ...asked,
      out: join(folder, `answers-${(runs += 1)}.jsonl`),
      ...request,
    });
    return runEndpoint(prepared, { ...parts, endpoint: { ...parts.endpoint, firstDelay: 1, tries: 4 } });
  }

  /** An answer that depends on the question and the picture, and on nothing else. */
  const answered = ({ url, text }: Parts): string => `${(url.length + text.length) % 2 === 0 ? "Yes" : "No"}, ${text}`;

  it("takes no file of somebody else's for the answers so far", async () => {
    const at = await serve(() => "Yes");
    for (const text of ["my notes", "my notes\nof today", '{"mine": 1}', '{"prompt": 0, "answer": "mine"']) {
      const out = join(folder, `foreign-${(runs += 1)}.jsonl`);
      await writeFile(`${out}.partial`, text);
      expect(await complaintOf(run(at, { out })), text).to.match(
        /^[^\n]*\.partial: [^\n]*settings\.json is missing[^\n]*choose another --out or remove it$/,
      );
      expect(await readFile(`${out}.partial`, "utf8")).to.equal(text);
    }
    expect(at.asked).to.deep.equal([]);
  });

  it("asks each question about its picture, and writes rows that are scored", async () => {
    const at = await serve(async (asked) => {
      // Later questions are answered first.
      await sleep((at.asked.length % 4) * 3);
      return answered(partsOf(asked));
    });
    const outcome = await run(at, { promptSuffix: "\nOne word." });
    const questions = (await readFile(join(folder, "llava_pope_test.jsonl"), "utf8")).trimEnd().split("\n");
    const expected = questions.map((line) => JSON.parse(line) as { question_id: number; image: string; text: string });
    const rows = (await readFile(outcome.out, "utf8")).trimEnd().split("\n");
    expect(rows).to.have.length(count);
    for (const [position, { question_id, image, text }] of expected.entries()) {
      const file = await readFile(join(folder, "images", image));
      const said = answered({ url: `data:image/png;base64,${file.toString("base64")}`, text: `${text}\nOne word.` });
      expect(JSON.parse(rows[position] as string)).to.deep.equal({ question_id, prompt: text, text: said });
    }
    expect((await score({ benchmark: pope, annotations: folder, answers: outcome.out })).n).to.equal(count);
    expect(at.asked).to.have.length(count);
    for (const { path, headers, body } of at.asked) {
      expect(path).to.equal("/v1/chat/completions");
      expect(headers.authorization).to.equal(`Bearer ${KEY}`);
      expect(body).to.include({ model: "seeing", temperature: 0, max_tokens: 7 });
    }
  });

  it("says in the settings how the answers came about, and nowhere the key", async () => {
    const at = await serve((asked) => answered(partsOf(asked)));
    const { out, settings, reported } = await run(at, {
      settings: '{"max_tokens": null, "max_completion_tokens": 9, "seed": 1}',
    });
    expect(settings.model).to.deep.equal({ endpoint: new URL(at.url).origin, name: "seeing" });
    expect(settings.generation).to.deep.equal({
      decoding: "endpoint",
      settings: { temperature: 0, max_completion_tokens: 9, seed: 1 },
    });
    expect(at.asked[0]?.body).to.include({ max_completion_tokens: 9, seed: 1 }).and.not.to.have.property("max_tokens");
    expect(reported).to.deep.equal(["seeing-0613"]);
    for (const path of [out, `${out}.settings.json`]) expect(await readFile(path, "utf8")).not.to.include(KEY);
  });

  it("goes on where it was interrupted, at another address too", async () => {
    const straight = await run(await serve((asked) => answered(partsOf(asked))));
    const out = join(folder, "interrupted.jsonl");
    let left = 5;
    const dying = await serve((asked) =>
      (left -= 1) >= 0
        ? answered(partsOf(asked))
        : { status: 400, body: `{"error":{"message":"no credit on ${KEY}"}}` },
    );
    const message = await complaintOf(run(dying, { out, concurrency: "1" }));
    expect(message).to.match(/^endpoint at http:.* refuses the question \(status 400: no credit on \[key\]\)/);
    expect(message).to.include(`answers so far are kept in ${out}.partial, the same command goes on from there`);
    const moved = await serve((asked) => answered(partsOf(asked)));
    expect(await run(moved, { out })).to.include({ resumed: 5, found: false });
    expect(moved.asked).to.have.length(count - 5);
    expect(await readFile(out, "utf8")).to.equal(await readFile(straight.out, "utf8"));
    expect(await run(moved, { out })).to.include({ found: true });
    expect(await complaintOf(run(moved, { out, maxNewTokens: 8 }))).to.match(
      /holds answers given with other settings \(generation.settings.max_tokens is 8, was 7\)/,
    );
    expect(await complaintOf(run(moved, { out, promptSuffix: "!" }))).to.match(/promptSuffix is !, was absent/);
  });

  it("stops when told to, and keeps what has come", async () => {
    const controller = new AbortController();
    const out = join(folder, "stopped.jsonl");
    const at = await serve((asked) => {
      if (at.asked.length === 4) controller.abort();
      return answered(partsOf(asked));
    });
    const error = await run(at, { out, concurrency: "1", signal: controller.signal }).catch((cause: unknown) => cause);
    expect((error as Error).name).to.equal("AbortError");
    const again = await serve((asked) => answered(partsOf(asked)));
    const { resumed } = await run(again, { out });
    expect(resumed).to.be.within(1, 4);
    expect(again.asked).to.have.length(count - resumed);
  });

  it("asks again after a failure that may pass, when the server says", async () => {
    const failed = new Map<string, number>();
    const at = await serve((asked) => {
      const parts = partsOf(asked);
      const before = failed.get(JSON.stringify(parts)) ?? 0;
      failed.set(JSON.stringify(parts), before + 1);
      if (before === 0) return { status: 429, headers: { "retry-after": "0.01" }, body: "{}" };
      if (before === 1) return { status: 503, body: "busy" };
      return answered(parts);
    });
    const { out } = await run(at);
    expect(at.asked).to.have.length(3 * count);
    expect((await readFile(out, "utf8")).trimEnd().split("\n")).to.have.length(count);
    const strict = await serve(() => ({ status: 429, headers: { "retry-after": "7200" }, body: "{}" }));
    expect(await complaintOf(run(strict, { concurrency: "1" }))).to.match(/endpoint at .*: asks to wait 120 minutes/);
  });

  it("sends nothing where the command line does not say", async () => {
    const elsewhere = await judgeServer(() => "Yes");
    try {
      const at = await serve(() => ({
        status: 307,
        headers: { location: `${elsewhere.url}/chat/completions` },
        body: "",
      }));
      expect(await complaintOf(run(at, { concurrency: "1" }))).to.match(
        /endpoint at .*redirects to http:.*--endpoint-url/,
      );
      expect(elsewhere.asked).to.have.length(0);
    } finally {
      await elsewhere.close();
    }
  });

  it("takes an answer whose tokens went into reasoning for one that says nothing, and counts it", async () => {
    const at = await serve(() => {
      const choice = {
        message: { role: "assistant", content: null, reasoning_content: "Well" },
        finish_reason: "length",
      };
      return {
        status: 200,
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ choices: [choice] }),
      };
    });
    const { out, cut } = await run(at);
    expect(cut).to.equal(count);
    const { metrics } = await score({ benchmark: pope, annotations: folder, answers: out });
    expect(metrics["unread"]).to.equal(100);
  });

  it("names the picture that endpoints do not take", async () => {
    const at = await serve(() => "Yes");
    const annotations = join(folder, "bitmap");
    await drawPope(annotations, 1);
    await writeFile(join(annotations, "images", "scene-0.bmp"), "BM and the pixels");
    const file = join(annotations, "llava_pope_test.jsonl");
    await writeFile(file, (await readFile(file, "utf8")).replaceAll("scene-0.png", "scene-0.bmp"));
    expect(await complaintOf(run(at, { annotations, images: join(annotations, "images") }))).to.match(
      /image scene-0.bmp: is no JPEG, PNG, WebP or GIF, which endpoints take; convert it; answers so far/,
    );
  });

  it("sends pictures that the annotations hold", async () => {
    const path = join(folder, "scenes.parquet");
    await writeEvaluationScenes(path, { split: "test", count: 2 });
    const at = await serve((asked) => answered(partsOf(asked)));
    const { settings } = await run(at, { benchmark: scenes, annotations: path, images: undefined });
    expect(at.asked).to.have.length(settings.prompts.count);
    const pictures = new Set(at.asked.map((asked) => partsOf(asked).url));
    expect(pictures.size).to.equal(2);
    for (const url of pictures) {
      const { width, format } = await sharp(Buffer.from(url.split(",")[1] as string, "base64")).metadata();
      expect([url.slice(0, 22), format, width > 0]).to.deep.equal(["data:image/png;base64,", "png", true]);
    }
  });

  it("wants address and name", () => {
    expect(endpointFromOptions({}, {})).to.equal(undefined);
    const wrong: [object, RegExp][] = [
      [{ url: "http://x/v1" }, /--endpoint-model is missing; name the model at --endpoint-url/],
      [{ model: "m" }, /--endpoint-url is missing/],
      [{ url: "ftp://x", model: "m" }, /--endpoint-url is "ftp:\/\/x", expected an address/],
      [{ url: "http://x", model: "m", settings: '{"messages":[]}' }, /--endpoint-settings holds messages/],
      [{ url: "http://x", model: "m", concurrency: "0" }, /--endpoint-concurrency is "0"/],
    ];
    for (const [options, message] of wrong) expect(() => endpointFromOptions(options, {})).to.throw(message);
  });
});
