import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fork } from "node:child_process";
import { randomUUID } from "node:crypto";
import { fileURLToPath } from "node:url";
import { Command, InvalidArgumentError } from "commander";
import { RunState } from "../src/generated/scpo/v1/run.js";
import { connectRuns } from "../src/service/client.js";
import { serve } from "../src/service/serve.js";
import { tinyWorld } from "../tests/fixtures/tiny-run.js";

// A service of runs under load: watchers on one run, and clients that create, list and cancel, all over gRPC from this
// process to a service in a process of its own. Prints latencies, events lost or repeated, and what memory, sockets and
// processes became: `npm run bench:service -- [--watchers 200] [--clients 50] [--seconds 120]`.

const program = new Command()
  .option("--watchers <number>", "watchers on one run", whole, 200)
  .option("--clients <number>", "clients that create, list and cancel", whole, 50)
  .option("--seconds <number>", "how long they do", whole, 120)
  .option("--out <path>", "JSON file", "docs/results/bench-service.json")
  .action(run);
program.command("host", { hidden: true }).argument("<runs>").argument("<data>").action(host);
await program.parseAsync();

/** What the service's process holds. */
interface Holdings {
  readonly megabytes: number;
  readonly descriptors: number;
  readonly children: number;
}

async function host(runs: string, data: string): Promise<void> {
  const backend = { kind: "launched", threads: 1 } as const;
  const serving = await serve({
    runs,
    data: [data],
    listen: "127.0.0.1:0",
    backend,
    limits: { callsPerSecond: 100_000 },
  });
  process.send?.(serving.address);
  process.on("message", (message) => {
    if (message === "drain") void serving.drain().then(() => process.exit(0));
  });
}

async function run(options: { watchers: number; clients: number; seconds: number; out: string }): Promise<void> {
  const world = await tinyWorld();
  const folder = await mkdtemp(join(tmpdir(), "scpo-bench-service-"));
  const child = fork(fileURLToPath(import.meta.url), ["host", folder, world.folder], { execArgv: process.execArgv });
  try {
    const address = await new Promise<string>((done, failed) => {
      child.once("message", (message) => done(message as string));
      child.once("exit", () => failed(new Error("the service ended before it listened")));
    });
    const report = await load(address, child.pid as number, options);
    process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
    await writeFile(resolve(options.out), `${JSON.stringify(report, null, 2)}\n`);
    child.send("drain");
    await new Promise((ended) => child.once("exit", ended));
  } finally {
    child.kill("SIGKILL");
    await rm(folder, { recursive: true, force: true });
  }
}

async function load(
  address: string,
  processId: number,
  options: { watchers: number; clients: number; seconds: number },
) {
  const { watchers, clients, seconds } = options;
  const owner = connectRuns(address);
  const settings = (epochs: number) => ({
    model: "model",
    data: { pairs: "pairs.parquet" },
    training: {
      learning_rate: 0.001,
      lr_scheduler_type: "cosine",
      warmup_steps: 0.1,
      per_device_train_batch_size: 1,
      gradient_accumulation_steps: 2,
    },
    curriculum: { policy: "staged", epochs },
    checkpoints: { every_steps: 1000 },
    reporting: { page: false, telemetry: false },
  });
  await owner.runs.createRun({ runId: "watched", settings: settings(100_000) });
  for await (const { event } of owner.runs.watchRun({ name: "runs/watched" }))
    if (event?.event?.$case === "step") break;
  await sleep(1000);
  const before = await holdings(processId);

  const counts = await Promise.all([
    ...Array.from({ length: watchers }, (_, at) => watch(address, at)),
    (async () => {
      const latencies = await Promise.all(Array.from({ length: clients }, () => client(address, settings(1), seconds)));
      await owner.runs.cancelRun({ name: "runs/watched" });
      return latencies.flat();
    })(),
  ]);
  const latencies = (counts.pop() as Latency[]).sort((a, b) => a.milliseconds - b.milliseconds);
  const watched = counts as Watched[];
  const { run: last } = await owner.runs.getRun({ name: "runs/watched" });
  let cleared = 0;
  for (;;) {
    const { runs } = await owner.runs.listRuns({ pageSize: 1000 });
    const others = runs.filter(({ name, state }) => name !== "runs/watched" && state !== RunState.RUNNING);
    if (others.length === 0) break;
    await Promise.all(others.map(({ name }) => owner.runs.deleteRun({ name }).catch(() => undefined)));
    cleared += others.length;
  }
  await sleep(5000);
  const after = await holdings(processId);
  owner.close();
  const of = (call: string) =>
    latencies.filter((latency) => latency.call === call).map(({ milliseconds }) => milliseconds);
  const share = (values: number[], part: number) =>
    values[Math.min(values.length - 1, Math.floor(part * values.length))];
  return {
    watchers,
    events: last?.lastSequence ?? 0,
    lost: watched.reduce((sum, each) => sum + each.lost, 0),
    repeated: watched.reduce((sum, each) => sum + each.repeated, 0),
    watchersAtTheEnd: watched.filter(({ lastSequence }) => lastSequence === last?.lastSequence).length,
    reconnections: watched.reduce((sum, each) => sum + each.reconnections, 0),
    clients,
    seconds,
    failed: latencies.filter(({ ok }) => !ok).length,
    calls: Object.fromEntries(
      ["create", "list", "cancel"].map((call) => {
        const values = of(call);
        return [call, { calls: values.length, p50: share(values, 0.5), p99: share(values, 0.99) }];
      }),
    ),
    runsDeleted: cleared,
    before,
    after,
  };
}

interface Watched {
  readonly lost: number;
  readonly repeated: number;
  readonly reconnections: number;
  readonly lastSequence: number;
}

/** Follows the run to its end; every third watcher breaks off now and then, and goes on with the number it saw last. */
async function watch(address: string, at: number): Promise<Watched> {
  const { runs, close } = connectRuns(address);
  let [lost, repeated, reconnections, last, seen] = [0, 0, 0, 0, 0];
  let ended = false;
  while (!ended) {
    for await (const { event } of runs.watchRun({ name: "runs/watched", afterSequence: last })) {
      const sequence = event?.sequence ?? 0;
      if (sequence <= last) repeated += 1;
      else lost += sequence - last - 1;
      last = Math.max(last, sequence);
      ended = event?.event?.$case === "ended";
      seen += 1;
      if (at % 3 === 0 && seen % 500 === 0) break;
    }
    if (!ended) reconnections += 1;
  }
  close();
  return { lost, repeated, reconnections, lastSequence: last };
}

interface Latency {
  readonly call: "create" | "list" | "cancel";
  readonly milliseconds: number;
  readonly ok: boolean;
}

async function client(address: string, settings: object, seconds: number): Promise<Latency[]> {
  const { runs, close } = connectRuns(address);
  const latencies: Latency[] = [];
  const timed = async <T>(call: Latency["call"], work: () => Promise<T>): Promise<T | undefined> => {
    const started = performance.now();
    const result = await work().catch(() => undefined);
    latencies.push({ call, milliseconds: performance.now() - started, ok: result !== undefined });
    return result;
  };
  const until = Date.now() + 1000 * seconds;
  while (Date.now() < until) {
    const made = await timed("create", () => runs.createRun({ settings, requestId: randomUUID() }));
    await timed("list", () => runs.listRuns({ pageSize: 50 }));
    const name = made?.run?.name;
    if (name !== undefined) await timed("cancel", () => runs.cancelRun({ name }));
    await sleep(500 + 1000 * Math.random());
  }
  close();
  return latencies;
}

/** Memory, open files and sockets, and child processes of a process, as Linux tells them. */
async function holdings(processId: number): Promise<Holdings> {
  const status = await readFile(`/proc/${processId}/status`, "utf8");
  const children = await readFile(`/proc/${processId}/task/${processId}/children`, "utf8").catch(() => "");
  return {
    megabytes: Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024),
    descriptors: (await readdir(`/proc/${processId}/fd`)).length,
    children: children.trim() === "" ? 0 : children.trim().split(/\s+/).length,
  };
}

function whole(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError("expected a whole number of 1 or more");
  return value;
}
