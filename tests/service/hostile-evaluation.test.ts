import { DuckDBInstance } from "@duckdb/node-api";
import { expect } from "chai";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { rm, unlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createChannel, createClientFactory, Status } from "nice-grpc";
import { HealthDefinition } from "nice-grpc-server-health";
import { connectRuns, type RunServiceConnection } from "../../src/service/client.js";
import { serve, type ServeOptions, type ServingRuns } from "../../src/service/serve.js";
import { failureOf, fieldsOf, reasonOf, tinySettings } from "../fixtures/service.js";
import { TINY_BENCHMARKS, type TinyBenchmark, writeTinyBenchmark } from "../fixtures/tiny-benchmarks.js";

const MEBIBYTE = 2 ** 20;
const tokens = { alice: "a".repeat(40), bob: "b".repeat(40) };
const limits = { evaluationSeconds: 5, evaluationMebibytes: 200 };

/** A benchmark, one file of which a hostile hand makes, and the refusal. */
interface Case {
  readonly benchmark: string;
  readonly file: string;
  readonly spoil: (path: string) => void;
  readonly refusal: RegExp;
}

const CASES: Readonly<Record<string, Case>> = {
  "a file of zeros without end": {
    ...{ benchmark: "pope", file: "llava_pope_test.jsonl", spoil: (path) => grow(path, 2 ** 40) },
    refusal: /llava_pope_test\.jsonl line 1: is longer than 64 MiB/,
  },
  "zeros to be read whole": {
    ...{ benchmark: "chair", file: "synonyms.txt", spoil: (path) => grow(path, 3 * 2 ** 30) },
    refusal: /synonyms\.txt: has more than 256 MiB|take more than (5 s|200 MiB of memory)/,
  },
  "millions of rows": {
    ...{ benchmark: "natural-bench", file: "test_set.json" },
    spoil: (path) => {
      const [row] = JSON.parse(TINY_BENCHMARKS["natural-bench"]?.files["test_set.json"] as string) as object[];
      const rows = Array.from({ length: 300 }, () => JSON.stringify(row)).join(",");
      writeFileSync(path, `[${Array.from({ length: 8000 }, () => rows).join(",")}]`);
    },
    refusal: /take more than (5 s|200 MiB of memory) to be looked at, expected those of a benchmark: name others/,
  },
  "lists within lists": {
    ...{ benchmark: "amber", file: "relation.json" },
    spoil: (path) => writeFileSync(path, "[".repeat(30 * MEBIBYTE) + "]".repeat(30 * MEBIBYTE)),
    refusal: /take more than (5 s|200 MiB of memory)|relation\.json/,
  },
  "words without end": {
    ...{ benchmark: "chair", file: "coco2014_ground_truth.json" },
    spoil: (path) => writeFileSync(path, `{"1": ["dog"${', "dog"'.repeat(25 * MEBIBYTE)}]}`),
    refusal: /take more than (5 s|200 MiB of memory) to be looked at/,
  },
  "a pipe": {
    ...{ benchmark: "pope", file: "coco_pope_random.json", spoil: (path) => execFileSync("mkfifo", [path]) },
    refusal: /coco_pope_random\.json: no such file/,
  },
  "a pipe for a table": {
    ...{ benchmark: "natural-bench", file: "a.parquet", spoil: (path) => execFileSync("mkfifo", [path]) },
    refusal: /a\.parquet: is no file, expected a table/,
  },
  "a device": {
    ...{ benchmark: "chair", file: "coco2014_ground_truth.json", spoil: (path) => symlinkSync("/dev/zero", path) },
    refusal: /holds neither coco2014_ground_truth\.json nor COCO's/,
  },
  "thousands of files": {
    ...{ benchmark: "natural-bench", file: "0.parquet" },
    spoil: (path) => {
      for (let at = 0; at < 5000; at += 1) writeFileSync(path.replace("0.parquet", `${at}.parquet`), "");
    },
    refusal: /0\.parquet: cannot be read as NaturalBench/,
  },
};

function grow(path: string, bytes: number): void {
  writeFileSync(path, "");
  truncateSync(path, bytes);
}

describe("what a client's evaluation needs", function () {
  this.timeout(120_000);
  let folder: string;
  let data: string;
  let service: ServingRuns;
  let client: RunServiceConnection["runs"];
  const services: ServingRuns[] = [];
  const connections: { close(): void }[] = [];

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "scpo-hostile-"));
    data = join(folder, "data");
    mkdirSync(join(data, "model"), { recursive: true });
    mkdirSync(join(data, "images"));
    writeFileSync(join(data, "model", "config.json"), "{}");
    writeFileSync(join(data, "pairs.parquet"), "");
    service = await start({ runs: join(folder, "runs") });
    client = connect(service);
  });
  after(async () => {
    for (const connection of connections) connection.close();
    for (const each of services) await each.drain();
    rmSync(folder, { recursive: true, force: true });
  });

  async function start(options: Pick<ServeOptions, "runs"> & Partial<ServeOptions>): Promise<ServingRuns> {
    const made = await serve({ data: [data], listen: "127.0.0.1:0", parallel: 0, limits, ...options });
    services.push(made);
    return made;
  }
  function connect({ address }: ServingRuns, token?: string): RunServiceConnection["runs"] {
    const made = connectRuns(address, token === undefined ? {} : { token });
    connections.push(made);
    return made.runs;
  }

  const benchmark = (name: string) => ({ benchmark: name, annotations: `${name}-annotations`, images: "images" });
  const validating = (evaluation: object) => ({
    ...{ settings: tinySettings({ evaluation }), runId: "checked", validateOnly: true },
  });

  /** Waits for some work; health is answered within a second for as long as it lasts. */
  async function meanwhileHealthy<T>(work: Promise<T>): Promise<T> {
    const channel = createChannel(service.address, undefined, { "grpc.use_local_subchannel_pool": 1 });
    const health = createClientFactory().create(HealthDefinition, channel);
    let isOver = false;
    const over = work.finally(() => (isOver = true));
    over.catch(() => undefined);
    try {
      do {
        const signal = AbortSignal.timeout(1000);
        expect((await health.check({ service: "scpo.v1.RunService" }, { signal })).status).to.equal(1);
        await new Promise((resolve) => setTimeout(resolve, 20));
      } while (!(isOver as boolean));
    } finally {
      channel.close();
    }
    return over;
  }

  for (const [what, { benchmark: name, file, spoil, refusal }] of Object.entries(CASES)) {
    it(`is refused with health answered meanwhile: ${what}`, async () => {
      const annotations = join(data, `${name}-annotations`);
      await rm(annotations, { recursive: true, force: true });
      await writeTinyBenchmark(annotations, TINY_BENCHMARKS[name] as TinyBenchmark);
      await unlink(join(annotations, file)).catch(() => undefined);
      spoil(join(annotations, file));
      const refused = await meanwhileHealthy(
        failureOf(client.createRun(validating({ benchmarks: [benchmark(name)] }))),
      );
      expect(refused.code, refused.details).to.equal(Status.INVALID_ARGUMENT);
      expect(fieldsOf(refused)).to.deep.equal(["settings.evaluation.benchmarks[0].annotations"]);
      expect(refused.details).to.match(refusal).and.not.include("\n");
      await rm(annotations, { recursive: true });
    });
  }

  it("is refused with health answered meanwhile: scenes of few bytes that are many in memory", async () => {
    const path = join(data, "scenes.parquet");
    const database = await DuckDBInstance.create();
    const connection = await database.connect();
    await connection.run(
      `COPY (SELECT repeat('x', 5000000) || range AS id, {'bytes': 'p'::BLOB, 'path': NULL::VARCHAR} AS image,
         ['dog'] AS objects, ['cat'] AS companions, ['q'] AS questions, ['yes'] AS answers, ['presence'] AS kinds
       FROM range(80)) TO '${path}' (FORMAT parquet, COMPRESSION gzip, ROW_GROUP_SIZE 2048)`,
    );
    connection.closeSync();
    const refused = await meanwhileHealthy(failureOf(client.createRun(validating({ scenes: "scenes.parquet" }))));
    expect(refused.code, refused.details).to.equal(Status.INVALID_ARGUMENT);
    expect(fieldsOf(refused)).to.deep.equal(["settings.evaluation.scenes"]);
    expect(refused.details).to.match(/take more than (5 s|200 MiB of memory) to be looked at/);
  });

  it("waits for the same owner's other calls alone, and so many of them", async () => {
    const tokenFile = join(folder, "tokens");
    const lines = Object.entries(tokens).map(([owner, token]) => `${owner}:${token}\n`);
    writeFileSync(tokenFile, lines.join(""), { mode: 0o600 });
    const owned = await start({ runs: join(folder, "owned"), tokenFile });
    const annotations = join(data, "amber-annotations");
    await writeTinyBenchmark(annotations, TINY_BENCHMARKS["amber"] as TinyBenchmark);
    const alice = connect(owned, tokens.alice);
    const request = validating({ benchmarks: [benchmark("amber")] });
    const hers = Array.from({ length: 60 }, () =>
      failureOf(alice.createRun(request)).then((refused) => reasonOf(refused)),
    );
    expect(await Promise.race(hers)).to.equal("EVALUATIONS");
    const his = await failureOf(connect(owned, tokens.bob).createRun(request));
    expect(his.details).to.match(/images: .* are missing/);
    await owned.drain();
    const reasons = await Promise.all(hers);
    expect(reasons.filter((reason) => reason === "EVALUATIONS")).to.have.length(9);
    expect(reasons.filter((reason) => reason === "DRAINING").length).to.be.above(20);
  });
});
