import { expect } from "chai";
import { createHash, randomUUID } from "node:crypto";
import { existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type ClientError, createChannel, createClientFactory, Status } from "nice-grpc";
import { HealthDefinition } from "nice-grpc-server-health";
import { UserError } from "../../src/errors.js";
import { RunState, type RunEvent } from "../../src/generated/scpo/v1/run.js";
import { connectRuns, type RunServiceConnection } from "../../src/service/client.js";
import { serve, type ServeOptions, type ServingRuns } from "../../src/service/serve.js";
import { eventsOf, failureOf, fieldsOf, reasonOf, tinySettings, tinyTraining } from "../fixtures/service.js";
import { type TinyWorld, tinyWorld } from "../fixtures/tiny-run.js";

describe("service of runs", function () {
  this.timeout(180_000);
  let world: TinyWorld;
  let folder: string;
  let service: ServingRuns | undefined;
  const clients: RunServiceConnection[] = [];

  before(async () => {
    world = await tinyWorld();
    folder = mkdtempSync(join(tmpdir(), "scpo-service-"));
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    await service?.drain();
    service = undefined;
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  let number = 0;
  async function start(options: Partial<ServeOptions> = {}): Promise<RunServiceConnection["runs"]> {
    number += 1;
    service = await serve({
      runs: join(folder, `runs-${number}`),
      data: [world.folder],
      listen: "127.0.0.1:0",
      backend: { kind: "launched", threads: 1 },
      ...options,
    });
    return client();
  }
  function client(token?: string): RunServiceConnection["runs"] {
    const made = connectRuns((service as ServingRuns).address, token === undefined ? {} : { token });
    clients.push(made);
    return made.runs;
  }
  /** A service whose one place is taken by a run that waits for a trainer for ever, so that nothing is trained. */
  const idle = { parallel: 0 };

  it("runs what it is given, tells every event once, and gives the checkpoints", async () => {
    const token = "o".repeat(40);
    const tokenFile = join(folder, "one-token");
    writeFileSync(tokenFile, `owner:${token}\n`, { mode: 0o600 });
    await start({ tokenFile });
    const runs = client(token);
    const request = { settings: tinySettings(), runId: "first", requestId: randomUUID(), validateOnly: false };
    const { run } = await runs.createRun(request);
    expect(run?.name).to.equal("runs/first");
    // The same request again is answered and not carried out.
    expect((await runs.createRun(request)).run?.name).to.equal("runs/first");

    const whole = eventsOf(runs.watchRun({ name: "runs/first" }));
    // A watch that breaks off after each few events and goes on.
    const parts: RunEvent[] = [];
    while (parts.at(-1)?.event?.$case !== "ended") {
      const afterSequence = parts.at(-1)?.sequence ?? 0;
      let taken = 0;
      for await (const { event } of runs.watchRun({ name: "runs/first", afterSequence })) {
        parts.push(event as RunEvent);
        taken += 1;
        if (taken === 3) break;
      }
    }
    const events = await whole;
    expect(parts).to.deep.equal(events);
    expect(events.map(({ sequence }) => sequence)).to.deep.equal(events.map((_, at) => at + 1));
    const steps = events.flatMap(({ event }) => (event?.$case === "step" ? [event.value.step] : []));
    expect(steps).to.deep.equal([1, 2, 3, 4, 5, 6]);

    const { run: ended } = await runs.getRun({ name: "runs/first" });
    expect(ended).to.include({ state: RunState.SUCCEEDED, lastSequence: events.length });
    expect(ended?.progress).to.include({ step: 6, plannedSteps: 6, stages: 3, stage: 2, stageName: "hard" });
    expect(ended?.settings?.["training"]).to.deep.equal(tinySettings()["training"]);

    const { checkpoints } = await runs.listCheckpoints({ parent: "runs/first", pageSize: 2, pageToken: "" });
    expect(checkpoints.map(({ name }) => name)).to.deep.equal([
      "runs/first/checkpoints/stage-0",
      "runs/first/checkpoints/stage-1",
    ]);
    const files = new Map<string, { hash: ReturnType<typeof createHash>; sha256: string }>();
    for await (const piece of runs.exportCheckpoint({ name: "runs/first/checkpoints/stage-1" })) {
      const file = files.get(piece.path) ?? { hash: createHash("sha256"), sha256: "" };
      file.hash.update(piece.data);
      file.sha256 = piece.sha256;
      files.set(piece.path, file);
    }
    expect([...files.keys()]).to.include.members(["config.json", "model.safetensors"]);
    for (const [path, { hash, sha256 }] of files) expect(hash.digest("hex"), path).to.equal(sha256);

    expect(existsSync(join(folder, `runs-${number}`, "first@owner", "run.yaml"))).to.equal(true);
    await runs.deleteRun({ name: "runs/first" });
    expect((await failureOf(runs.getRun({ name: "runs/first" }))).code).to.equal(Status.NOT_FOUND);
    expect(existsSync(join(folder, `runs-${number}`, "first@owner"))).to.equal(false);
  });

  it("pauses, goes on where it was, and takes up after its end what it had begun", async () => {
    const runs = await start();
    const long = tinySettings({ curriculum: { policy: "staged", epochs: 12 } });
    await runs.createRun({ settings: long, runId: "long" });
    await runs.createRun({ settings: tinySettings(), runId: "next" });
    expect((await runs.getRun({ name: "runs/next" })).run).to.include({ state: RunState.QUEUED, queuedBefore: 0 });
    for await (const { event } of runs.watchRun({ name: "runs/long" })) {
      if (event?.event?.$case === "step" && event.event.value.step === 5) break;
    }
    const { run: paused } = await runs.pauseRun({ name: "runs/long" });
    expect(paused?.state).to.equal(RunState.PAUSED);
    const at = paused?.progress?.step as number;
    expect(at).to.be.at.least(5);
    expect((await failureOf(runs.deleteRun({ name: "runs/next" }))).code).to.equal(Status.FAILED_PRECONDITION);
    expect((await runs.cancelRun({ name: "runs/next" })).run?.state).to.equal(RunState.CANCELLED);
    await runs.resumeRun({ name: "runs/long" });
    for await (const { event } of runs.watchRun({ name: "runs/long", afterSequence: paused?.lastSequence ?? 0 })) {
      if (event?.event?.$case === "step") {
        expect(event.event.value.step).to.equal(at + 1);
        break;
      }
    }
    const before = await eventsUntil(runs.watchRun({ name: "runs/long" }), at + 2);

    // The service ends, and another takes its place.
    await (service as ServingRuns).drain();
    const again = await start({ runs: join(folder, `runs-${number}`), data: [world.folder] });
    number -= 1;
    const events = await eventsOf(again.watchRun({ name: "runs/long" }));
    expect(events.slice(0, before.length)).to.deep.equal(before);
    expect(events.map(({ sequence }) => sequence)).to.deep.equal(events.map((_, position) => position + 1));
    expect(events.at(-1)?.event?.$case).to.equal("ended");
    expect((await again.getRun({ name: "runs/long" })).run?.state).to.equal(RunState.SUCCEEDED);
    expect((await again.getRun({ name: "runs/next" })).run?.state).to.equal(RunState.CANCELLED);
  });

  it("names every wrong field of the settings at once, and no path beyond the data", async () => {
    const runs = await start(idle);
    const settings = {
      model: "/etc",
      data: { pairs: "../../etc/passwd" },
      training: { learning_rate: 0.1 },
      backend: { kind: "embedded", python: "/bin/sh" },
    };
    const outside = await failureOf(runs.createRun({ settings, runId: "bad" }));
    expect(outside.code).to.equal(Status.INVALID_ARGUMENT);
    expect(fieldsOf(outside)).to.have.members(["settings.backend", "settings.model", "settings.data.pairs"]);
    expect(reasonOf(outside)).to.equal("INVALID_FIELDS");

    symlinkSync("/etc", join(world.folder, "link"));
    const linked = tinySettings({ model: "link" });
    expect(fieldsOf(await failureOf(runs.createRun({ settings: linked, runId: "bad" })))).to.deep.equal([
      "settings.model",
    ]);

    const wrong = tinySettings({ training: { learning_rate: -1, seed: "one" }, stages: [{ reference: "mine" }] });
    expect(fieldsOf(await failureOf(runs.createRun({ settings: wrong, runId: "bad" })))).to.have.members([
      "settings.training.learning_rate",
      "settings.training.seed",
      "settings.stages[0].reference",
    ]);
    expect(fieldsOf(await failureOf(runs.createRun({ runId: "bad" })))).to.deep.equal(["settings"]);
    const reaching = { trust_remote_code: true, feature_cache_dir: "link/cache", report_to: "wandb" };
    const far = tinySettings({ training: tinyTraining(reaching) });
    expect(fieldsOf(await failureOf(runs.createRun({ settings: far, runId: "bad" })))).to.have.members([
      "settings.training.trust_remote_code",
      "settings.training.report_to",
      "settings.training.feature_cache_dir",
    ]);
    const near = tinySettings({ training: tinyTraining({ feature_cache_dir: "cache" }) });
    await runs.createRun({ settings: near, runId: "good", validateOnly: true });
    for (const runId of ["..", "a/b", "A B", "x".repeat(101)]) {
      expect(fieldsOf(await failureOf(runs.createRun({ settings: tinySettings(), runId })))).to.deep.equal(["run_id"]);
    }
    expect((await runs.listRuns({})).runs).to.deep.equal([]);
    await runs.createRun({ settings: tinySettings(), runId: "only-checked", validateOnly: true });
    expect((await runs.listRuns({})).runs).to.deep.equal([]);
  });

  it("lists runs newest first, in pages, by state", async () => {
    const runs = await start(idle);
    for (const runId of ["a", "b", "c", "d", "e"]) {
      await runs.createRun({ settings: tinySettings(), runId });
      await sleep(2);
    }
    await runs.cancelRun({ name: "runs/c", reason: "not wanted" });
    const names: string[] = [];
    let pageToken = "";
    do {
      const page = await runs.listRuns({ pageSize: 2, pageToken });
      names.push(...page.runs.map(({ name }) => name));
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    expect(names).to.deep.equal(["runs/e", "runs/d", "runs/c", "runs/b", "runs/a"]);
    const cancelled = await runs.listRuns({ states: [RunState.CANCELLED] });
    expect(cancelled.runs.map(({ name, reason }) => [name, reason])).to.deep.equal([["runs/c", "not wanted"]]);
    expect(cancelled.runs[0]?.settings).to.equal(undefined);
    const full = await runs.listRuns({ pageSize: 1, withSettings: true });
    expect(full.runs[0]?.settings?.["curriculum"]).to.equal(undefined);
    expect(full.runs[0]?.settings).to.have.property("training");
    expect((await failureOf(runs.listRuns({ pageToken: "zzz" }))).code).to.equal(Status.INVALID_ARGUMENT);
    expect((await failureOf(runs.createRun({ settings: tinySettings(), runId: "a" }))).code).to.equal(
      Status.ALREADY_EXISTS,
    );
    expect((await failureOf(runs.resumeRun({ name: "runs/none" }))).code).to.equal(Status.NOT_FOUND);
  });

  it("remembers a request over its own end", async () => {
    const runs = await start(idle);
    const request = { settings: tinySettings(), runId: "", requestId: randomUUID() };
    const { run } = await runs.createRun(request);
    await (service as ServingRuns).drain();
    const again = await start({ ...idle, runs: join(folder, `runs-${number}`) });
    expect((await again.createRun(request)).run?.name).to.equal(run?.name);
    const other = { ...request, settings: tinySettings({ training: tinyTraining({ seed: 2 }) }) };
    expect(fieldsOf(await failureOf(again.createRun(other)))).to.deep.equal(["request_id"]);
  });

  it("lets nobody in without a token, and shows nobody another's runs", async () => {
    const [alice, bob] = ["a".repeat(40), "b".repeat(40)];
    const tokenFile = join(folder, "tokens");
    writeFileSync(tokenFile, `alice:${alice}\nbob:${bob}\n`, { mode: 0o600 });
    const nobody = await start({ ...idle, tokenFile });
    for (const runs of [nobody, client("c".repeat(40))]) {
      const error = await failureOf(runs.listRuns({}));
      expect(error.code).to.equal(Status.UNAUTHENTICATED);
      expect(error.message).to.not.include(alice);
    }
    const [hers, his] = [client(alice), client(bob)];
    await hers.createRun({ settings: tinySettings(), runId: "hers" });
    expect((await hers.listRuns({})).runs).to.have.length(1);
    expect((await his.listRuns({})).runs).to.deep.equal([]);
    const name = "runs/hers";
    for (const work of [
      his.getRun({ name }),
      his.cancelRun({ name }),
      his.pauseRun({ name }),
      his.resumeRun({ name }),
      his.deleteRun({ name }),
      his.listCheckpoints({ parent: name }),
      eventsOf(his.watchRun({ name })),
      (async () => {
        for await (const piece of his.exportCheckpoint({ name: `${name}/checkpoints/stage-0` })) void piece;
      })(),
    ]) {
      expect((await failureOf(work)).code).to.equal(Status.NOT_FOUND);
    }
    expect((await hers.getRun({ name })).run?.state).to.equal(RunState.QUEUED);
    // Orchestrators ask without a token.
    const channel = createChannel((service as ServingRuns).address);
    const health = createClientFactory().create(HealthDefinition, channel);
    expect((await health.check({ service: "scpo.v1.RunService" })).status).to.equal(1);
    channel.close();
  });

  it("bounds what a client may ask", async () => {
    const runs = await start({ ...idle, limits: { queued: 2, streams: 2, callsPerSecond: 30, requestBytes: 10_000 } });
    await runs.createRun({ settings: tinySettings(), runId: "a" });
    await runs.createRun({ settings: tinySettings(), runId: "b" });
    expect(reasonOf(await failureOf(runs.createRun({ settings: tinySettings(), runId: "c" })))).to.equal("QUEUE");
    const huge = tinySettings({ id: "x".repeat(20_000) });
    expect((await failureOf(runs.createRun({ settings: huge, runId: "d" }))).code).to.equal(Status.RESOURCE_EXHAUSTED);
    await sleep(1000);
    const abort = new AbortController();
    const watches = [0, 1].map(() =>
      eventsOf(runs.watchRun({ name: "runs/a" }, { signal: abort.signal })).catch(() => 0),
    );
    await sleep(300);
    expect((await failureOf(eventsOf(client().watchRun({ name: "runs/a" })))).code).to.equal(Status.RESOURCE_EXHAUSTED);
    abort.abort();
    await Promise.all(watches);
    const codes = await Promise.all(
      Array.from({ length: 60 }, () =>
        runs.listRuns({}).then(
          () => Status.OK,
          (error: ClientError) => error.code,
        ),
      ),
    );
    expect(codes).to.include(Status.RESOURCE_EXHAUSTED);
    expect(codes).to.include(Status.OK);
    await sleep(1100);
    expect((await runs.listRuns({})).runs).to.have.length(2);
  });

  it("closes connections that say nothing, and serves the others beside bytes that are no gRPC", async () => {
    const runs = await start({ ...idle, keepaliveMilliseconds: 300 });
    const port = Number((service as ServingRuns).address.split(":").at(-1));
    const open = (bytes: string): Promise<Socket> =>
      new Promise((resolve, reject) => {
        const socket = connect(port, "127.0.0.1", () => {
          socket.write(bytes);
          resolve(socket);
        });
        socket.on("error", reject);
      });
    // The second begins HTTP/2 and then never answers a ping.
    const sockets = await Promise.all([
      open("GET / HTTP/1.1\r\n\r\n"),
      open("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0"),
    ]);
    const closed = sockets.map(
      (socket) =>
        new Promise<void>((resolve) => {
          socket.once("close", resolve);
          socket.resume();
        }),
    );
    await Promise.all(closed);
    expect((await runs.listRuns({})).runs).to.deep.equal([]);
  });

  it("lets a reader that stops reading hold up nobody", async () => {
    const runs = join(folder, "long");
    const made = await start({ ...idle, runs });
    await made.createRun({ settings: tinySettings(), runId: "big" });
    await made.cancelRun({ name: "runs/big" });
    await service?.drain();
    writeFileSync(join(runs, "big", "run.yaml"), "");
    const events = Array.from({ length: 20_000 }, (_, at) => ({
      sequence: at + 1,
      time: new Date(0).toISOString(),
      held: 0,
      landmark: null,
      entry: { type: "training-saved", stage: 0, step: at, name: "x".repeat(200) },
    }));
    writeFileSync(join(runs, "big", "log.jsonl"), events.map((event) => `${JSON.stringify(event)}\n`).join(""));
    const own = await start({ ...idle, runs });
    const stalled = own.watchRun({ name: "runs/big" })[Symbol.asyncIterator]();
    expect((await stalled.next()).value).to.have.nested.property("event.sequence", 1);
    const whole = await eventsOf(client().watchRun({ name: "runs/big" }));
    expect(whole).to.have.length(20_000);
    // It goes on where it stopped.
    expect((await stalled.next()).value).to.have.nested.property("event.sequence", 2);
    expect((await own.listRuns({})).runs).to.have.length(1);
  });

  it("refuses a folder that another serves, and a port that is taken", async () => {
    await start(idle);
    const [runs, port] = [join(folder, `runs-${number}`), (service as ServingRuns).address.split(":").at(-1)];
    const other = { runs: join(folder, "others"), data: [world.folder], listen: `127.0.0.1:${port}` };
    for (const [options, message] of [
      [{ ...other, runs, listen: "127.0.0.1:0" }, /^--runs: another service serves/],
      [other, /^--listen: cannot listen on/],
    ] as const) {
      const error = await serve(options).then(
        () => undefined,
        (caught: Error) => caught,
      );
      expect(error).to.be.instanceOf(UserError).with.property("message").that.matches(message);
    }
    // The folder is free again after the second failed.
    await (await serve({ ...other, listen: "127.0.0.1:0" })).drain();
  });

  it("tells Prometheus", async () => {
    const runs = await start({ ...idle, metricsPort: 0 });
    await runs.createRun({ settings: tinySettings(), runId: "a" });
    const text = await (await fetch(`http://127.0.0.1:${(service as ServingRuns).metricsPort}/metrics`)).text();
    expect(text).to.match(/^scpo_runs_waiting 1$/m);
    expect(text).to.match(/scpo_calls_total\{method="\/scpo\.v1\.RunService\/CreateRun",code="OK"\} 1/);
    expect((await fetch(`http://127.0.0.1:${(service as ServingRuns).metricsPort}/`)).status).to.equal(404);
  });

  it("says of a run that cannot begin why, and of one whose data are wrong", async () => {
    const runs = await start();
    await runs.createRun({ settings: tinySettings({ curriculum: { policy: "staged", stages: 50 } }), runId: "many" });
    const events = await eventsOf(runs.watchRun({ name: "runs/many" }));
    expect(events.filter(({ event }) => event?.$case === "step")).to.deep.equal([]);
    const { run } = await runs.getRun({ name: "runs/many" });
    expect(run?.state).to.equal(RunState.FAILED);
    expect(run?.reason).to.match(/stages/);
  });

  async function eventsUntil(
    watch: AsyncIterable<{ event?: RunEvent | undefined }>,
    step: number,
  ): Promise<RunEvent[]> {
    const events: RunEvent[] = [];
    for await (const { event } of watch) {
      events.push(event as RunEvent);
      if (event?.event?.$case === "step" && event.event.value.step >= step) break;
    }
    return events;
  }
});
