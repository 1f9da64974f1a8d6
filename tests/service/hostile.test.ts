import type { DescMethod } from "@bufbuild/protobuf";
import { Client as RawClient, credentials, type ServiceError } from "@grpc/grpc-js";
import { expect } from "chai";
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { setMaxListeners } from "node:events";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { type Client as GrpcClient, type ClientError, createChannel, createClientFactory, Status } from "nice-grpc";
import { BadRequest, type RichClientError } from "nice-grpc-error-details";
import { HealthDefinition } from "nice-grpc-server-health";
import { UserError } from "../../src/errors.js";
import { CreateRunRequest, RunState } from "../../src/generated/scpo/v1/run.js";
import { PACKAGE_ROOT } from "../../src/package-root.js";
import { takeHold } from "../../src/run/hold.js";
import { connectRuns, type RunServiceConnection } from "../../src/service/client.js";
import { oneLineLog } from "../../src/one-line.js";
import { IdempotentRequests } from "../../src/service/idempotent-requests.js";
import { serve, type ServeOptions, type ServingRuns } from "../../src/service/serve.js";
import { methodsOf } from "../fixtures/random-messages.js";
import { rawCall } from "../fixtures/raw-call.js";
import { reflectionMethods } from "../fixtures/reflection-methods.js";
import { failureOf, fieldsOf, hostileFolder, reasonOf, tinySettings } from "../fixtures/service.js";

type Client = RunServiceConnection["runs"];
type Health = GrpcClient<typeof HealthDefinition>;

const tokens = { alice: "a".repeat(40), bob: "b".repeat(40) };

/** Nothing is trained here: the runs wait for a trainer for ever. */
describe("service of runs against hostile clients", function () {
  this.timeout(60_000);
  let folder: string;
  let data: string;
  let runsFolder: string;
  let open: Client;
  let openAddress: string;
  let alice: Client;
  let bob: Client;
  let logged: string[];
  const services: ServingRuns[] = [];
  const clients: RunServiceConnection[] = [];

  before(async () => {
    let tokenFile: string;
    ({ folder, data, tokenFile } = hostileFolder(tokens));
    runsFolder = join(folder, "runs");
    logged = [];
    const log = (line: string) => logged.push(line);
    const opened = await start({ log });
    openAddress = opened.address;
    open = connect(opened);
    const closed = await start({ log, runs: join(folder, "owned"), tokenFile });
    alice = connect(closed, tokens.alice);
    bob = connect(closed, tokens.bob);
  });
  after(async () => {
    for (const client of clients) client.close();
    for (const service of services) await service.drain();
    rmSync(folder, { recursive: true, force: true });
  });

  async function start(options: Partial<ServeOptions> = {}): Promise<ServingRuns> {
    const service = await serve({ runs: runsFolder, data: [data], listen: "127.0.0.1:0", parallel: 0, ...options });
    services.push(service);
    return service;
  }
  function connect(service: ServingRuns, token?: string): Client {
    const made = connectRuns(service.address, token === undefined ? {} : { token });
    clients.push(made);
    return made.runs;
  }
  /** Every call on a run, in an order in which each could do harm. */
  function callsOn(client: Client, id: string): Promise<unknown>[] {
    const name = `runs/${id}`;
    return [
      client.getRun({ name }),
      client.cancelRun({ name }),
      client.pauseRun({ name }),
      client.resumeRun({ name }),
      client.listCheckpoints({ parent: name }),
      all(client.exportCheckpoint({ name: `${name}/checkpoints/stage-0` })),
      all(client.watchRun({ name })),
      client.deleteRun({ name }),
    ];
  }

  describe("ownership", () => {
    /** What `scpo demo`, `scpo train` and the user's own hand leave among the runs. */
    function foreign(): void {
      const files = {
        "demo/data/pairs.parquet": "pairs",
        "trained/run.yaml": "id: trained\n",
        "trained/log.jsonl": "",
        "trained/checkpoints/stage-0/model.safetensors": "weights",
        "a-file": "content",
        ".service/notes.txt": "mine",
      };
      for (const [path, content] of Object.entries(files)) {
        mkdirSync(join(runsFolder, path, ".."), { recursive: true });
        writeFileSync(join(runsFolder, path), content);
      }
      mkdirSync(join(runsFolder, "empty"));
    }

    it("neither shows nor touches what it did not make", async () => {
      foreign();
      const before = tree(runsFolder);
      // One service finds the folders when it starts, the other meets them later.
      const later = connect(await start({ runs: copyOf(runsFolder, "met-at-start") }));
      for (const [client, root] of [
        [open, runsFolder],
        [later, join(folder, "met-at-start")],
      ] as const) {
        for (const id of ["demo", "trained", "a-file", "empty"]) {
          const refused = await failureOf(client.createRun({ settings: tinySettings(), runId: id }));
          expect(refused.code, id).to.equal(Status.ALREADY_EXISTS);
          expect(refused.details).to.equal(`runs/${id} exists already; choose another run_id`);
          for (const call of callsOn(client, id)) expect((await failureOf(call)).code, id).to.equal(Status.NOT_FOUND);
        }
        expect((await client.listRuns({})).runs).to.deep.equal([]);
        expect(tree(root)).to.deep.equal(before);
      }
    });

    it("makes a run's folder when it takes the run, and removes no folder that took its place", async () => {
      await open.createRun({ settings: tinySettings(), runId: "mine" });
      expect(readdirSync(join(runsFolder, "mine"))).to.deep.equal(["service-run.json"]);
      rmSync(join(runsFolder, "mine"), { recursive: true });
      mkdirSync(join(runsFolder, "mine"));
      writeFileSync(join(runsFolder, "mine", "thesis.txt"), "kept");
      const refused = await failureOf(open.cancelRun({ name: "runs/mine" }));
      expect(refused.code).to.equal(Status.FAILED_PRECONDITION);
      await open.deleteRun({ name: "runs/mine" });
      expect(readFileSync(join(runsFolder, "mine", "thesis.txt"), "utf8")).to.equal("kept");
    });

    it("takes no copy of its run for its own", async () => {
      await open.createRun({ settings: tinySettings(), runId: "first" });
      const copied = copyOf(runsFolder, "copied");
      cpSync(join(copied, "first"), join(copied, "kept-by-hand"), { recursive: true });
      const client = connect(await start({ runs: copied }));
      expect((await client.listRuns({})).runs.map(({ name }) => name)).to.deep.equal(["runs/first"]);
      expect((await failureOf(client.deleteRun({ name: "runs/kept-by-hand" }))).code).to.equal(Status.NOT_FOUND);
    });

    it("leaves a run alone that somebody directs outside the service", async () => {
      await open.createRun({ settings: tinySettings(), runId: "resumed" });
      await open.cancelRun({ name: "runs/resumed" });
      const directory = join(runsFolder, "resumed");
      const hold = await takeHold(join(directory, "owner.json"));
      for (const call of [
        () => open.deleteRun({ name: "runs/resumed" }),
        () => open.resumeRun({ name: "runs/resumed" }),
        () => open.pauseRun({ name: "runs/resumed" }),
        () => open.cancelRun({ name: "runs/resumed" }),
      ]) {
        expect((await failureOf(call())).code).to.equal(Status.FAILED_PRECONDITION);
      }
      await hold.release();
      await open.deleteRun({ name: "runs/resumed" });
      expect(existsSync(directory)).to.equal(false);
    });

    it("makes one run of two calls with one name", async () => {
      const make = () =>
        open.createRun({ settings: tinySettings(), runId: "twice" }).then(
          () => Status.OK,
          ({ code }: ClientError) => code,
        );
      const codes = await Promise.all([make(), make()]);
      expect(codes).to.have.members([Status.OK, Status.ALREADY_EXISTS]);
    });

    it("tells nobody of another's runs, by no call", async () => {
      await alice.createRun({ settings: tinySettings(), runId: "secret" });
      for (const call of callsOn(bob, "secret")) expect((await failureOf(call)).code).to.equal(Status.NOT_FOUND);
      // The name is free for him, as every name is that he did not take.
      expect((await bob.createRun({ settings: tinySettings(), runId: "secret" })).run?.name).to.equal("runs/secret");
      await bob.cancelRun({ name: "runs/secret", reason: "his" });
      expect((await alice.getRun({ name: "runs/secret" })).run?.state).to.equal(RunState.QUEUED);
      await bob.deleteRun({ name: "runs/secret" });
      expect((await alice.listRuns({})).runs.map(({ name }) => name)).to.deep.equal(["runs/secret"]);
    });
  });

  describe("paths", () => {
    const pairs = (path: string) => tinySettings({ data: { pairs: path } });
    const check = (client: Client, settings: Record<string, unknown>) =>
      client.createRun({ settings, runId: "checked", validateOnly: true });

    it("are refused by length, number of parts and characters, while health answers", async () => {
      const health = healthOf(services[0] as ServingRuns);
      const hostile = {
        "many parts": "a/".repeat(20_000),
        "as many parts as a request takes": "a/".repeat(400_000),
        "one part up and down": "../a/".repeat(5000),
        "a long part": "a".repeat(256),
        "a long part below a long way": `${"b/".repeat(100)}${"ä".repeat(128)}`,
        "a zero byte": "pairs.parquet\0",
        "a new line": "pairs\nparquet",
      };
      for (const [what, path] of Object.entries(hostile)) {
        for (const settings of [
          pairs(path),
          tinySettings({ model: path }),
          tinySettings({ evaluation: { scenes: path } }),
        ]) {
          const started = performance.now();
          const refused = failureOf(check(open, settings));
          expect((await health.check({ service: "scpo.v1.RunService" })).status).to.equal(1);
          expect(performance.now() - started, what).to.be.below(1000);
          expect((await refused).code, what).to.equal(Status.INVALID_ARGUMENT);
          expect((await refused).details.length, what).to.be.below(1500);
        }
      }
      expect(fieldsOf(await failureOf(check(open, pairs("a/".repeat(20_000)))))).to.deep.equal(["settings.data.pairs"]);
      expect(fieldsOf(await failureOf(check(open, pairs("pairs.parquet\0"))))).to.deep.equal(["settings.data.pairs"]);
    });

    it("are refused outside the data, whatever the way", async () => {
      symlinkSync("/etc", join(data, "etc"));
      symlinkSync("round", join(data, "round"));
      mkdirSync(`${data}-beside`);
      writeFileSync(join(`${data}-beside`, "pairs.parquet"), "");
      for (const path of [
        "/etc/passwd",
        "../tokens",
        "etc/passwd",
        "round",
        `${data}-beside/pairs.parquet`,
        "model/../../tokens",
      ]) {
        expect(fieldsOf(await failureOf(check(open, pairs(path)))), path).to.deep.equal(["settings.data.pairs"]);
      }
      // The home folder is the shell's word.
      expect((await failureOf(check(open, pairs("~/pairs.parquet")))).details).to.match(/expected an existing file/);
    });

    it("are kept with their links followed, and looked at again when the run begins", async () => {
      const outside = join(folder, "outside");
      for (const place of [outside, join(data, "real")]) {
        mkdirSync(place);
        writeFileSync(join(place, "pairs.parquet"), "");
      }
      symlinkSync("real", join(data, "linked"));
      const root = join(folder, "repointed");
      const waiting = await start({ runs: root });
      const client = connect(waiting);
      const { run } = await client.createRun({ settings: pairs("linked/pairs.parquet"), runId: "linked" });
      expect(run?.settings?.["data"]).to.deep.equal({ pairs: join(realpathSync(data), "real", "pairs.parquet") });
      await waiting.drain();
      rmSync(join(data, "real"), { recursive: true });
      symlinkSync(outside, join(data, "real"));
      const client2 = connect(await start({ runs: root, parallel: 1 }));
      await all(client2.watchRun({ name: "runs/linked" }));
      const { run: failed } = await client2.getRun({ name: "runs/linked" });
      expect(failed?.state).to.equal(RunState.FAILED);
      expect(failed?.reason).to.match(/^data\.pairs: .* leads elsewhere than when the run was created/);
      expect(readdirSync(join(root, "linked"))).to.deep.equal(["service-run.json"]);
    });

    it("do not lead to another owner's runs where these lie below the data", async () => {
      const tokenFile = join(folder, "tokens");
      const below = await start({ runs: join(data, "runs"), tokenFile });
      const [hers, his] = [connect(below, tokens.alice), connect(below, tokens.bob)];
      await hers.createRun({ settings: tinySettings(), runId: "base" });
      const stage = join(data, "runs", "base@alice", "checkpoints", "stage-0");
      for (const checkpoint of [stage, join(data, "runs", "by-hand", "checkpoints", "stage-0")]) {
        mkdirSync(checkpoint, { recursive: true });
        writeFileSync(join(checkpoint, "config.json"), "{}");
      }
      symlinkSync(stage, join(data, "shortcut"));
      for (const model of [
        "runs/base@alice/checkpoints/stage-0",
        "shortcut",
        "runs/by-hand/checkpoints/stage-0",
        "runs",
        ".",
      ]) {
        expect(fieldsOf(await failureOf(check(his, tinySettings({ model }))))).to.deep.equal(["settings.model"]);
        expect((await failureOf(check(his, tinySettings({ model })))).details, model).to.match(
          /outside the service's data/,
        );
      }
      await check(hers, tinySettings({ model: "runs/base@alice/checkpoints/stage-0" }));
    });
  });

  describe("sizes", () => {
    it("of settings are bounded before they are looked at", async () => {
      const deep = (levels: number): unknown => (levels === 0 ? 1 : { deep: deep(levels - 1) });
      const tooDeep = await failureOf(open.createRun({ settings: { deep: deep(90) }, runId: "deep" }));
      expect(tooDeep.code).to.equal(Status.INVALID_ARGUMENT);
      expect(tooDeep.details).to.match(/^request: is no message of .*CreateRun /);
      for (const settings of [
        tinySettings({ deep: deep(32) }),
        tinySettings({ training: { frozen_prefixes: Array.from({ length: 6000 }, () => "a") } }),
        tinySettings({ id: "x".repeat(300_000) }),
        tinySettings(Object.fromEntries(Array.from({ length: 20_000 }, (_, at) => [`field-${at}`, 1]))),
        tinySettings({ stages: [{ name: "\u001b[2J" }] }),
        tinySettings({ "a\nb": 1 }),
      ]) {
        const refused = await failureOf(open.createRun({ settings, runId: "large", validateOnly: true }));
        expect(refused.code).to.equal(Status.INVALID_ARGUMENT);
        expect(reasonOf(refused)).to.equal("INVALID_FIELDS");
      }
    });

    it("of an error stay below what clients take, however many mistakes there are", async () => {
      const raw = new RawClient(openAddress, credentials.createInsecure(), { "grpc.max_metadata_size": 1024 * 1024 });
      const create = methodsOf("scpo.v1.RunService").find(({ name }) => name === "CreateRun") as DescMethod;
      for (const count of [20, 40, 1000]) {
        const benchmarks = Array.from({ length: count }, (_, at) => ({
          benchmark: `ü${at}`,
          annotations: 1,
          images: 2,
        }));
        const settings = tinySettings({ evaluation: { benchmarks } });
        const refused = await failureOf(open.createRun({ settings, runId: "wrong", validateOnly: true }));
        expect(refused.code, refused.details).to.equal(Status.INVALID_ARGUMENT);
        expect(fieldsOf(refused)[0]).to.equal("settings.evaluation.benchmarks[0].benchmark");
        expect(refused.details).to.match(/benchmarks\[0\]/);
        const request = CreateRunRequest.encode(CreateRunRequest.fromPartial({ settings, runId: "wrong" })).finish();
        const { code, trailerBytes } = await rawCall(raw, create, [Buffer.from(request)], 30_000);
        expect(code).to.equal(Status.INVALID_ARGUMENT);
        expect(trailerBytes).to.be.within(100, 8192);
      }
      raw.close();
    });

    it("of an owner's runs are bounded together, also for calls at a time", async () => {
      const limits = { runs: 3, settingsBytes: 40_000 };
      const client = connect(await start({ runs: join(folder, "few"), limits }));
      const make = (settings: Record<string, unknown>) =>
        client.createRun({ settings }).then(
          () => "OK",
          (error: RichClientError) => reasonOf(error),
        );
      const large = tinySettings({ stages: Array.from({ length: 10 }, () => ({ name: "n".repeat(1900) })) });
      expect(await Promise.all([make(large), make(large), make(large)])).to.have.members(["OK", "OK", "SETTINGS"]);
      expect(await Promise.all(Array.from({ length: 5 }, () => make(tinySettings())))).to.have.members([
        "OK",
        ...Array.from({ length: 4 }, () => "RUNS"),
      ]);
    });

    it("of a page end before a client takes it no more", async () => {
      const client = connect(await start({ runs: join(folder, "pages") }));
      const large = tinySettings({ stages: Array.from({ length: 100 }, () => ({ name: "n".repeat(2400) })) });
      for (let at = 0; at < 20; at += 1) await client.createRun({ settings: large });
      const names = new Set<string>();
      let pages = 0;
      for (let pageToken = ""; pages === 0 || pageToken !== ""; pages += 1) {
        const page = await client.listRuns({ pageSize: 1000, pageToken, withSettings: true });
        expect(Buffer.byteLength(JSON.stringify(page))).to.be.below(4 * 1024 * 1024);
        for (const { name } of page.runs) names.add(name);
        pageToken = page.nextPageToken;
      }
      expect(names).to.have.property("size", 20);
      expect(pages).to.be.above(2);
      expect((await client.listRuns({ pageSize: 1000 })).runs).to.have.length(20);
    });

    it("of a reason are bounded, and it is one line", async () => {
      await open.createRun({ settings: tinySettings(), runId: "reasoned" });
      for (const reason of ["r".repeat(501), "a\nb", "\u001b[2J"]) {
        const refused = await failureOf(open.cancelRun({ name: "runs/reasoned", reason }));
        expect(fieldsOf(refused)).to.deep.equal(["reason"]);
      }
    });
  });

  describe("clients beside one another", () => {
    it("forget no request of one for the calls of the other", async () => {
      const requests = new IdempotentRequests();
      const id = randomUUID();
      await requests.once("alice", id, {}, () => Promise.resolve("first"));
      for (let at = 0; at < 10_001; at += 1) await requests.once("bob", randomUUID(), {}, () => Promise.resolve(at));
      expect(await requests.once("alice", id, {}, () => Promise.resolve("second"))).to.equal("first");
    });

    it("who watch health without a token take nothing from those with one", async () => {
      const tokenFile = join(folder, "local-token");
      const token = "l".repeat(40);
      writeFileSync(tokenFile, `local:${token}\n`, { mode: 0o600 });
      const limits = { streams: 5, healthWatches: 8, callsPerSecond: 40 };
      const service = await start({ runs: join(folder, "watched"), tokenFile, limits });
      const local = connect(service, token);
      await local.createRun({ settings: tinySettings(), runId: "seen" });
      const ended = new AbortController();
      const { signal } = ended;
      setMaxListeners(0, signal);
      const channels = Array.from({ length: 4 }, () => healthOf(service));
      const watches = Array.from({ length: 60 }, (_, at) =>
        all((channels[at % 4] as Health).watch({ service: "" }, { signal })).then(
          () => Status.OK,
          ({ code }: ClientError) => code,
        ),
      );
      expect(await Promise.race(watches)).to.equal(Status.RESOURCE_EXHAUSTED);
      // The owner's streams and calls are all there still.
      const streams = Array.from({ length: 5 }, () => local.watchRun({ name: "runs/seen" }, { signal }));
      for (const stream of streams) all(stream).catch(() => undefined);
      expect((await local.listRuns({})).runs).to.have.length(1);
      expect((await healthOf(service).check({ service: "" })).status).to.equal(1);
      ended.abort();
      const codes = await Promise.all(watches);
      expect(codes.filter((code) => code === Status.RESOURCE_EXHAUSTED)).to.have.length(52);
    });

    it("hear in one line what is wrong with what they sent", async () => {
      const forged = "runs/a\nscpo serve: forged\u001b[2J\u2028";
      for (const call of [open.getRun({ name: forged }), open.listCheckpoints({ parent: "\n".repeat(100_000) })]) {
        const refused = await failureOf(call);
        expect(refused.code).to.equal(Status.INVALID_ARGUMENT);
        expect(refused.details)
          .to.match(/\\n/)
          .and.not.match(/[\p{Cc}\u2028]/u);
        const [violation] = refused.extra.flatMap((detail) =>
          detail.$type === BadRequest.$type ? detail.fieldViolations : [],
        );
        expect(violation?.description).to.not.match(/[\p{Cc}\u2028]/u);
      }
    });

    it("end no service with half a character", async () => {
      // The name is told up to where its 37th face is cut apart.
      const refused = await failureOf(open.getRun({ name: `runs/b/${"\u{1f600}".repeat(70)}` }));
      expect(refused.details).to.match(/\u{1f600}\\ud83d", expected runs\/\{run\}$/u);
      expect((await open.listRuns({})).nextPageToken).to.equal("");
    });

    it("hear that a message cannot be read, and that it is theirs", async () => {
      const before = logged.length;
      const same = (bytes: Buffer) => bytes;
      const raw = new RawClient(openAddress, credentials.createInsecure());
      const calls: [string, string][] = [
        ["/scpo.v1.RunService/GetRun", "0aff"],
        ["/scpo.v1.RunService/WatchRun", "0a0672756e732f6110ffffffffffffffff7f"],
        ["/grpc.health.v1.Health/Check", "0aff"],
      ];
      for (const [path, bytes] of calls) {
        const refused = await new Promise<ServiceError | null>((resolve) =>
          raw.makeUnaryRequest(path, same, same, Buffer.from(bytes, "hex"), resolve),
        );
        expect(refused?.code, path).to.equal(Status.INVALID_ARGUMENT);
        expect(refused?.details).to.match(/^request: is no message of [^\n]*, expected one$/);
      }
      const [reflect] = reflectionMethods("v1") as [DescMethod];
      const list = Buffer.from("3a00", "hex");
      for (const messages of [[Buffer.from("0aff", "hex")], [list, Buffer.from("3aff", "hex")]]) {
        const { code, details, responses } = await rawCall(raw, reflect, messages, 30_000);
        expect(code, details).to.equal(Status.INVALID_ARGUMENT);
        expect(details).to.match(/^request: is no message of [^\n]*ServerReflectionInfo [^\n]*, expected one$/);
        expect(responses).to.have.length(messages.length - 1);
      }
      raw.close();
      expect(logged).to.have.length(before);
    });

    it("who change one run at a time leave it whole, or gone", async () => {
      const client = connect(await start({ runs: join(folder, "contended"), log: (line) => logged.push(line) }));
      const name = "runs/wanted";
      const allowed = [Status.NOT_FOUND, Status.FAILED_PRECONDITION, Status.ALREADY_EXISTS];
      for (let round = 0; round < 40; round += 1) {
        const calls = [
          client.createRun({ settings: tinySettings(), runId: "wanted" }),
          client.cancelRun({ name }),
          client.resumeRun({ name }),
          client.deleteRun({ name }),
          client.pauseRun({ name }),
          client.deleteRun({ name }),
          client.resumeRun({ name }),
          client.cancelRun({ name }),
        ];
        const lists = [client.listRuns({}), client.listRuns({ states: [RunState.CANCELLED] })];
        for (const outcome of await Promise.allSettled(calls)) {
          if (outcome.status === "fulfilled") continue;
          const { code, details } = outcome.reason as ClientError;
          expect(allowed, details).to.include(code);
        }
        for (const { runs } of await Promise.all(lists)) for (const run of runs) expect(run.name).to.equal(name);
      }
    });

    it("can forge no line of the operator's log", () => {
      const lines: string[] = [];
      const log = oneLineLog((line) => lines.push(line));
      log("a\nscpo serve: forged\r\u001b[2J\u009b1m\u2028b\tä\u007f");
      expect(lines).to.deep.equal(["a\\nscpo serve: forged\\r\\u001b[2J\\u009b1m\\u2028b\\tä\\u007f"]);
    });

    it("see nothing of the service's own failures, and it has none from what they send", () => {
      expect(logged.filter((line) => line.includes("failed: "))).to.deep.equal([]);
    });
  });

  it("refuses secrets that lie where clients may name them", async () => {
    const tokenFile = join(data, "tokens");
    writeFileSync(tokenFile, `alice:${tokens.alice}\n`, { mode: 0o600 });
    const refused = await serve({ runs: join(folder, "never"), data: [data], listen: "127.0.0.1:0", tokenFile }).then(
      () => undefined,
      (error: Error) => error,
    );
    expect(refused)
      .to.be.instanceOf(UserError)
      .with.property("message")
      .that.matches(/^--token-file: .* lies under --data/);
  });

  it("ends when its port for figures is taken", async () => {
    const first = await start({ runs: join(folder, "figures"), metricsPort: 0 });
    const options = { runs: join(folder, "other-figures"), data: [data], listen: "127.0.0.1:0", parallel: 0 };
    const refused = await serve({ ...options, metricsPort: first.metricsPort as number }).then(
      () => undefined,
      (error: Error) => error,
    );
    expect(refused)
      .to.be.instanceOf(UserError)
      .with.property("message")
      .that.matches(/^--metrics-port: cannot listen/);
    // Nothing of it is left: the folder is free.
    await start(options);
  });

  describe("what it leaves on the disk", () => {
    it("is the operator's alone, file by file, when the command serves", async () => {
      const root = join(folder, "commanded");
      const args = ["serve", "--listen", "127.0.0.1:0", "--runs", root, "--data", data];
      const main = join(PACKAGE_ROOT, "src", "cli", "main.ts");
      const child = spawn(process.execPath, ["--import", "tsx", main, ...args], {
        stdio: ["ignore", "pipe", "ignore"],
      });
      const ended = new Promise((resolve) => child.once("exit", resolve));
      try {
        const address = await new Promise<string>((resolve) => {
          child.stdout.on("data", (text: Buffer) => {
            const found = /listening on (\S+)/.exec(text.toString())?.[1];
            if (found !== undefined) resolve(found);
          });
        });
        const { runs, close } = connectRuns(address);
        // It fails as soon as the pairs are read.
        await runs.createRun({ settings: tinySettings(), runId: "private" });
        await all(runs.watchRun({ name: "runs/private" }));
        close();
      } finally {
        child.kill("SIGTERM");
        await ended;
      }
      const written = readdirSync(root, { recursive: true, encoding: "utf8" });
      expect(written).to.include(join("private", "service-run.json"));
      for (const path of written) expect(statSync(join(root, path)).mode & 0o077, path).to.equal(0);
    });

    it("keeps what it writes from other users of the machine", () => {
      const open = (path: string) => (statSync(path).mode & 0o077) !== 0;
      for (const root of [runsFolder, join(folder, "owned")]) {
        expect(open(root), root).to.equal(false);
        const written = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((path) =>
          path.endsWith("service-run.json"),
        );
        expect(written).to.not.deep.equal([]);
        for (const path of written) {
          // Nobody else gets into the folder, whatever the files in it allow.
          expect(open(join(root, path, "..")), path).to.equal(false);
        }
      }
    });
  });

  function healthOf(service: ServingRuns): Health {
    // A connection of its own, as another process has.
    const channel = createChannel(service.address, undefined, { "grpc.use_local_subchannel_pool": 1 });
    clients.push({ close: () => channel.close() } as RunServiceConnection);
    return createClientFactory().create(HealthDefinition, channel);
  }

  function copyOf(from: string, name: string): string {
    cpSync(from, join(folder, name), { recursive: true });
    rmSync(join(folder, name, ".service-owner.json"), { force: true });
    return join(folder, name);
  }
});

async function all(stream: AsyncIterable<unknown>): Promise<void> {
  for await (const message of stream) void message;
}

/** Every file and folder with its content, but the service's own mark that it serves the folder. */
function tree(root: string): [string, string][] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter(({ name }) => name !== ".service-owner.json")
    .map((entry): [string, string] => {
      const path = join(entry.parentPath, entry.name);
      return [path.slice(root.length), entry.isFile() ? readFileSync(path, "utf8") : ""];
    })
    .sort(([a], [b]) => (a < b ? -1 : 1));
}
