import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { type ClientError, createChannel, createClient, Metadata } from "nice-grpc";
import { findPython, pythonPath } from "../../src/backend/python.js";
import { DirectorServiceDefinition, TrainingOffer } from "../../src/generated/scpo/v1/director.js";
import { PACKAGE_ROOT } from "../../src/package-root.js";
import { openRun, startRun } from "../../src/run-file/start-run.js";
import type { RunEvent } from "../../src/run/log/entries.js";
import type { RunPolicies } from "../../src/run/policies.js";

const SCRIPT = join(PACKAGE_ROOT, "tests", "fixtures", "directed_training.py");

/** What `accelerate launch --use_fsdp` sets; it does not offer FSDP without an accelerator. */
const FSDP = {
  ACCELERATE_USE_FSDP: "true",
  FSDP_VERSION: "2",
  FSDP_AUTO_WRAP_POLICY: "TRANSFORMER_BASED_WRAP",
  FSDP_TRANSFORMER_CLS_TO_WRAP: "LlamaDecoderLayer,CLIPEncoderLayer",
  FSDP_RESHARD_AFTER_FORWARD: "true",
  FSDP_STATE_DICT_TYPE: "SHARDED_STATE_DICT",
};

/** What `accelerate launch --use_deepspeed` sets, with gloo between processes on a CPU. */
const DEEPSPEED = {
  ACCELERATE_USE_DEEPSPEED: "true",
  ACCELERATE_DEEPSPEED_ZERO_STAGE: "2",
  ACCELERATE_TORCH_DEVICE: "cpu",
  ACCELERATE_USE_CPU: "false",
  DS_ACCELERATOR: "cpu",
};
const GLOO = ["use_cpu=false", 'ddp_backend="gloo"'];
const hasDeepspeed = spawnSync(findPython(), [
  "-c",
  "import importlib.util as u; exit(u.find_spec('deepspeed') is None)",
]);

const SETTINGS = {
  training: { learning_rate: 0.01, lr_scheduler_type: "cosine", warmup_steps: 0 },
  curriculum: { policy: "staged", stages: 2, epochs: 2 },
  checkpoints: { every_steps: 2 },
  restarts: { first_delay_seconds: 0 },
} as const;

/** Moves when the policy has gone far from the reference, in the middle of a stage: softly, then hard. */
function judging(onStep: (step: number) => void = () => undefined): RunPolicies {
  const far = (drift: number, bound: number) => drift > bound;
  return {
    keepReferenceWeights: true,
    decide: ({ step, klReference, stepInStage }) => {
      onStep(step);
      if (!far(klReference, 0.05) || stepInStage % 2 === 1) return null;
      return { moveReferenceAlpha: stepInStage > 2 ? 1 : 0.5, reason: `drift ${klReference.toFixed(4)}` };
    },
  };
}

/** A training that a user started. */
class Started {
  readonly #process: ChildProcess;
  readonly #output: string;
  readonly #processes: number;
  readonly ended: Promise<{ code: number | null; text: string }>;

  constructor(address: string, output: string, options: { processes?: number; env?: object; words?: string[] } = {}) {
    this.#output = output;
    this.#processes = options.processes ?? 1;
    const { processes = 1, env = {}, words = [] } = options;
    const launch = ["-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", String(processes)];
    const several = [...launch, "--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no"];
    const args = [
      ...(processes === 1 ? [] : [...several, "--main_process_port", "0"]),
      SCRIPT,
      address,
      output,
      ...words,
    ];
    const variables = { PYTHONPATH: pythonPath(), OMP_NUM_THREADS: "1", ACCELERATE_USE_CPU: "true", ...env };
    this.#process = spawn(findPython(), args, { env: { ...process.env, ...variables } });
    let text = "";
    this.#process.stdout?.on("data", (part: Buffer) => (text += part.toString()));
    this.#process.stderr?.on("data", (part: Buffer) => (text += part.toString()));
    this.ended = new Promise((resolve) => this.#process.once("close", (code) => resolve({ code, text })));
  }

  /** Kills the processes that train; the launcher then ends by itself. */
  kill(): void {
    for (let rank = 0; rank < this.#processes; rank++) {
      try {
        process.kill(Number(readFileSync(`${this.#output}.pid-${rank}`, "utf8")), "SIGKILL");
      } catch {
        // It ended by itself, or never began.
      }
    }
  }
}

describe("trainings that dial their director", function () {
  this.timeout(400_000);
  let folder: string;
  const started: Started[] = [];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "scpo-directed-"));
  });
  afterEach(() => {
    for (const training of started.splice(0)) training.kill();
    rmSync(folder, { recursive: true, force: true });
  });

  function start(address: string, output: string, options: ConstructorParameters<typeof Started>[2] = {}): Started {
    const training = new Started(address, join(folder, output), options);
    started.push(training);
    return training;
  }

  /** Directs a run to its end; its training is killed after some step and started again by whoever started it. */
  async function directed(name: string, options: ConstructorParameters<typeof Started>[2], killAfter?: number) {
    const address = `unix://${join(folder, name, "s")}`;
    const first = start(address, `${name}-out`, options);
    const log: string[] = [];
    let isKilled = false;
    const settings = { ...SETTINGS, id: name };
    const handle = await startRun(settings, {
      runs: join(folder, "runs"),
      listen: { listen: address },
      policies: judging((step) => {
        if (step === killAfter && !isKilled) first.kill();
        isKilled ||= step === killAfter;
      }),
      log: (line) => log.push(line),
    });
    const events: RunEvent[] = [];
    let again: Started | undefined;
    for await (const { event } of handle.events({ after: 0 })) {
      events.push(event);
      if (event.type === "trainer-exited") again = start(address, `${name}-out`, options);
    }
    const summary = await handle.result();
    const end = await (again ?? first).ended;
    expect(end.code, end.text.slice(-3000)).to.equal(0);
    const moves = events.flatMap((event) => (event.type === "reference-moved" ? [event.alpha] : []));
    const weights = summary.checkpoints.map(({ weightsSha256 }) => weightsSha256);
    return { summary, weights, moves, events, text: end.text, log };
  }

  // FSDP and DeepSpeed with a live reference, whose weights are moved softly and hard.
  const live = 'reference_mode="live"';
  for (const [kind, env, words, type] of [
    ["DDP", {}, [], "MULTI_CPU"],
    ["FSDP 2", FSDP, [], "FSDP"],
    ["FSDP 2 with a live reference", FSDP, [live], "FSDP"],
    ["DeepSpeed ZeRO 2", DEEPSPEED, GLOO, "DEEPSPEED"],
  ] as const) {
    it(`two processes under ${kind} follow a policy's judgement, and one that was killed ends with the same weights`, async function () {
      // pip install 'scpo-trl[deepspeed]'
      if (type === "DEEPSPEED" && hasDeepspeed.status !== 0) this.skip();
      const options = { processes: 2, env, words: [...words] };
      const whole = await directed("whole", options);
      const killed = await directed("killed", options, 5);
      expect(whole.summary.outcome).to.equal("completed");
      expect(whole.text).to.contain(type);
      expect(whole.moves).to.include.members([0.5, 1]);
      expect(killed.events.filter(({ type }) => type === "trainer-exited")).to.have.length(1);
      expect(killed.events.find(({ type }) => type === "resumed")).to.include({ step: 4 });
      expect(killed.moves).to.include.members([0.5, 1]);
      expect(killed.weights).to.deep.equal(whole.weights);
      expect(new Set(whole.weights).size).to.equal(2);
    });
  }

  async function trained(training: Started): Promise<void> {
    const { code, text } = await training.ended;
    expect(code, text.slice(-3000)).to.equal(0);
  }

  /** The one line of a training that was refused or let go. */
  async function refusal(training: Started): Promise<string> {
    const { code, text } = await training.ended;
    expect(code, text.slice(-3000)).to.equal(2);
    const lines = text.split("\n").filter((line) => line.startsWith("directed_training: "));
    expect(lines, text.slice(-3000)).to.have.length(1);
    expect(text).not.to.contain("Traceback");
    return lines.join();
  }

  it("the example's policy moves the reference by its own judgement, softly and hard", async () => {
    const address = `unix://${join(folder, "s", "sock")}`;
    const [runs, out] = [join(folder, "runs"), join(folder, "out")];
    const env = { ...process.env, PYTHONPATH: pythonPath(), OMP_NUM_THREADS: "1", ACCELERATE_USE_CPU: "true" };
    const examples = join(PACKAGE_ROOT, "examples");
    const director = ran(process.execPath, ["--import", "tsx", join(examples, "direct.ts"), address, runs], env);
    const training = ran(findPython(), [join(examples, "directed_trl.py"), out, address], env);
    const [directed, trained] = await Promise.all([director, training]);
    expect(trained.code, trained.text.slice(-3000)).to.equal(0);
    expect(directed.code, directed.text.slice(-3000)).to.equal(0);
    expect(directed.text).to.match(/completed 12 steps/);
    expect(directed.text.match(/reference moved by (0.5|1)\b/g)).to.include.members([
      "reference moved by 0.5",
      "reference moved by 1",
    ]);
    expect(existsSync(join(out, "model.safetensors"))).to.equal(true);
  });

  it("a training says in one line that nobody directs it", async () => {
    const address = `unix://${join(folder, "nobody")}`;
    expect(await refusal(start(address, "out", { words: ["wait_seconds=1"] }))).to.match(
      /director: nobody answered at unix:.* within 1 s \(.*\): start `scpo direct run.yaml --listen unix:/,
    );
    expect(await refusal(start("example.org:50053", "out"))).to.contain("is not of this machine, which needs a token");
    expect(await refusal(start("nonsense", "out"))).to.contain("expected unix:///absolute/path or HOST:PORT");
  });

  it("a director refuses a wrong token, another version and other rows, and goes on with the right training", async () => {
    const token = "a-token-of-more-than-32-characters-for-tests";
    const tokenFile = join(folder, "token");
    writeFileSync(tokenFile, token, { mode: 0o600 });
    const address = `unix://${join(folder, "s", "sock")}`;
    const log: string[] = [];
    const right = { env: { SCPO_TOKEN: token } };
    const wrong = start(address, "out", { env: { SCPO_TOKEN: `${token}-no` } });
    const listen = { listen: address, token: { file: tokenFile } };
    let first: Started | undefined;
    const running = startRun(
      { ...SETTINGS, id: "guarded" },
      {
        runs: join(folder, "runs"),
        listen,
        log: (line) => log.push(line),
        policies: judging((step) => {
          if (step === 3) first?.kill();
          if (step === 3) first = undefined;
        }),
      },
    );
    expect(await refusal(wrong)).to.contain("refused the training: the token that was sent is not the director's");
    const channel = createChannel(address);
    const client = createClient(DirectorServiceDefinition, channel);
    const offer = TrainingOffer.fromPartial({ protocolVersion: 99, packageVersion: "9.9.9", name: "new", own: {} });
    const metadata = Metadata({ authorization: `Bearer ${token}` });
    const offered = client.direct(only({ request: { $case: "offer", value: offer } }), { metadata });
    const refused = await offered[Symbol.asyncIterator]()
      .next()
      .catch((error: unknown) => error);
    expect((refused as ClientError).details).to.match(
      /found protocol version 99 .*expected \d+ .*npm install scpo@latest/,
    );
    channel.close();
    first = start(address, "out", right);
    const handle = await running;
    for await (const { event } of handle.events({ after: 0 })) {
      if (event.type !== "trainer-exited") continue;
      const fewer = start(address, "out", { ...right, words: ["rows=6"] });
      expect(await refusal(fewer)).to.contain("rows: found 6, expected at least 12");
      const wider = start(address, "out", { ...right, words: ["per_device_train_batch_size=3"] });
      expect(await refusal(wider)).to.contain("pairs of a pass: found 3, expected 1");
      const other = start(address, "out", { ...right, words: ["weight_decay=0.3"] });
      expect(await refusal(other)).to.match(
        /weight_decay: found 0.3, expected 0(\.0)?, with which the run "guarded" began/,
      );
      start(address, "out", right);
    }
    expect((await handle.result()).outcome).to.equal("completed");
    expect(log.filter((line) => line.startsWith("refused"))).to.have.length(4);
  });

  it("a director that was killed is resumed, and the training goes on from what it saved", async () => {
    const address = `unix://${join(folder, "s", "sock")}`;
    const file = join(folder, "run.yaml");
    writeFileSync(file, JSON.stringify({ ...SETTINGS, reference: { policy: "every-n-steps", steps: 2, alpha: 0.6 } }));
    const direct = (id: string) =>
      scpo(["direct", file, "--id", id, "--listen", address, "--runs", join(folder, "runs")]);
    const whole = direct("whole");
    await trained(start(address, "whole"));
    expect(await whole.ended).to.equal(0);
    const killed = direct("killed");
    const log = join(folder, "runs", "killed", "log.jsonl");
    const training = start(address, "killed");
    while (!existsSync(log) || !readFileSync(log, "utf8").includes('"name":"step-4"')) await sleep(20);
    killed.process.kill("SIGKILL");
    expect(await refusal(training)).to.match(/went away .*`scpo resume` .* goes on from its newest saved training/);
    const resumed = scpo(["resume", join(folder, "runs", "killed")]);
    await trained(start(address, "killed"));
    expect(await resumed.ended).to.equal(0);
    const weights = async (id: string) =>
      (await (await openRun(join(folder, "runs", id))).result()).checkpoints.map(({ weightsSha256 }) => weightsSha256);
    expect(await weights("killed")).to.deep.equal(await weights("whole"));

    const page = join(folder, "runs", "whole", "report.html");
    rmSync(page);
    const pageAlone = scpo(["resume", join(folder, "runs", "whole")]);
    expect(await pageAlone.ended, "no training is waited for").to.equal(0);
    expect(existsSync(page)).to.equal(true);
  });
});

/** A program, with all that it says. */
function ran(program: string, args: string[], env: NodeJS.ProcessEnv): Promise<{ code: number | null; text: string }> {
  const child = spawn(program, args, { env });
  let text = "";
  child.stdout.on("data", (part: Buffer) => (text += part.toString()));
  child.stderr.on("data", (part: Buffer) => (text += part.toString()));
  return new Promise((resolve) => child.once("close", (code) => resolve({ code, text })));
}

async function* only<Item>(item: Item): AsyncGenerator<Item> {
  yield item;
  await sleep(10_000, undefined, { ref: false });
}

/** The command `scpo`, in a process of its own. */
function scpo(args: string[]): { process: ChildProcess; ended: Promise<number | null> } {
  const child = spawn(process.execPath, [join(PACKAGE_ROOT, "bin", "scpo.js"), ...args], { stdio: "ignore" });
  return { process: child, ended: new Promise((resolve) => child.once("close", resolve)) };
}
