/**
 * Both services against random messages. SCPO_FUZZ_KEY draws others, SCPO_FUZZ_ROUNDS and SCPO_FUZZ_SECONDS more of them:
 *
 *     SCPO_FUZZ_KEY=7 SCPO_FUZZ_ROUNDS=1000 SCPO_FUZZ_SECONDS=600 node_modules/.bin/mocha tests/service/fuzz.test.ts
 */
import type { DescMethod } from "@bufbuild/protobuf";
import { Client, credentials, status } from "@grpc/grpc-js";
import { expect } from "chai";
import { type ChildProcess, spawn } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createChannel, createClientFactory } from "nice-grpc";
import { HealthDefinition } from "nice-grpc-server-health";
import { findPython, trainerEnvironment } from "../../src/backend/python.js";
import { Random } from "../../src/numbers/random.js";
import { connectRuns } from "../../src/service/client.js";
import { methodsOf, type Plausible, RandomMessages } from "../fixtures/random-messages.js";
import { type Outcome, rawCall } from "../fixtures/raw-call.js";
import { reflectionMethods } from "../fixtures/reflection-methods.js";
import { SCPO } from "../fixtures/scpo-command.js";
import { tinySettings } from "../fixtures/service.js";
import { tinyWorld } from "../fixtures/tiny-run.js";
import { hashesBelow } from "../fixtures/user-files.js";

const KEY = process.env["SCPO_FUZZ_KEY"] ?? "1";
const ROUNDS = Number(process.env["SCPO_FUZZ_ROUNDS"] ?? 150);
const SECONDS = Number(process.env["SCPO_FUZZ_SECONDS"] ?? 40);
const MEBIBYTE = 1024 * 1024;

/** What an honest refusal has; a fault of the service's own has none of these. */
const REFUSALS = [
  ...[status.OK, status.CANCELLED, status.INVALID_ARGUMENT, status.DEADLINE_EXCEEDED, status.NOT_FOUND],
  ...[status.ALREADY_EXISTS, status.FAILED_PRECONDITION, status.RESOURCE_EXHAUSTED],
];
/** What may be asked of reflection. */
const REFLECTED = {
  file_by_filename: ["scpo/v1/run.proto", "scpo/v1/trainer.proto", "google/protobuf/struct.proto"],
  file_containing_symbol: ["scpo.v1.RunService", "scpo.v1.TrainerService", "scpo.v1.FileService.PlaceFolder"],
  containing_type: ["scpo.v1.Dataset"],
  all_extension_numbers_of_type: ["scpo.v1.Dataset"],
};
const STACK = /Traceback|\bat \S+:\d+:\d+|File "|node:internal|\.py\b.*line \d/;
/** Clients take 8 KiB. */
const MOST_TRAILER_BYTES = 8192;

/** A service in a process of its own. */
interface Fuzzed {
  readonly socket: string;
  readonly child: ChildProcess;
  readonly log: () => string;
}

describe("services against random messages", function () {
  this.timeout(300_000);
  let folder: string;
  let outside: string;
  const children: ChildProcess[] = [];

  before(() => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), "scpo-fuzz-")));
    outside = join(folder, "outside");
    for (const name of ["outside", "home", "work", "temporary"]) mkdirSync(join(folder, name));
    writeFileSync(join(outside, "notes.txt"), "the only copy");
    // Python would take these for its own modules, were it to look in the current folder.
    for (const name of ["torch", "grpc", "json"]) writeFileSync(join(folder, "work", `${name}.py`), "open('ran', 'w')");
  });
  after(async () => {
    for (const child of children) {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill("SIGKILL");
      await ended;
    }
    rmSync(folder, { recursive: true, force: true });
  });

  /** Starts a program that says when it listens. */
  async function boot(name: string, program: string, args: string[], more: Record<string, string>): Promise<Fuzzed> {
    const socketFolder = join(folder, name);
    mkdirSync(socketFolder);
    chmodSync(socketFolder, 0o700);
    const socket = join(socketFolder, "s.sock");
    const home = join(folder, "home");
    const env = { ...process.env, HOME: home, XDG_CACHE_HOME: home, TMPDIR: join(folder, "temporary"), ...more };
    const child = spawn(program, [...args, "--listen", `unix://${socket}`], {
      cwd: join(folder, "work"),
      env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    children.push(child);
    let log = "";
    child.stderr.on("data", (text: Buffer) => (log = `${log}${text.toString()}`.slice(-4 * MEBIBYTE)));
    await new Promise<void>((resolve, reject) => {
      child.stdout.once("data", () => resolve());
      child.once("exit", (code) => reject(new Error(`${name} ended with ${code}: ${log}`)));
    });
    return { socket, child, log: () => log };
  }

  /** Sends every method of some services a message, over and over; what is no honest answer fails. */
  async function fuzz(fuzzed: Fuzzed, methods: readonly DescMethod[], plausible: Plausible): Promise<void> {
    const health = createChannel(`unix://${fuzzed.socket}`);
    const check = () => createClientFactory().create(HealthDefinition, health).check({ service: "" });
    const client = new Client(`unix://${fuzzed.socket}`, credentials.createInsecure(), {
      "grpc.max_receive_message_length": 64 * MEBIBYTE,
    });
    const end = Date.now() + SECONDS * 1000;
    const codes = new Map<string, number>();
    let round = 0;
    let size: ReturnType<typeof sizeOf>;
    const call = async (method: DescMethod) => {
      const random = new Random(`${KEY} ${method.parent.typeName} ${method.name} ${round}`);
      const messages = new RandomMessages(random, plausible);
      const isStream = method.methodKind === "client_streaming" || method.methodKind === "bidi_streaming";
      const count = isStream ? random.integer(0, 6) : 1;
      const drawn = Array.from({ length: count }, (_, position) => Buffer.from(messages.draw(method.input, position)));
      const outcome = await rawCall(client, method, drawn, method.methodKind === "unary" ? 30_000 : 2000);
      const problem = problemOf(outcome);
      if (problem !== null) {
        const sent = drawn.map((message) => message.subarray(0, 200).toString("hex")).join(" ");
        throw new Error(
          `key ${KEY}, round ${round}, ${method.parent.typeName}.${method.name}: ${problem}: ${status[outcome.code]} ` +
            `${JSON.stringify(outcome.details)} to ${sent}; log: ${fuzzed.log().slice(-3000)}`,
        );
      }
      const told = `${method.name} ${status[outcome.code]}`;
      codes.set(told, (codes.get(told) ?? 0) + 1);
    };
    try {
      for (; round < ROUNDS && (round < 2 || Date.now() < end); round += 1) {
        // One after another, then all at once.
        if (round % 2 === 0) for (const method of methods) await call(method);
        else await Promise.all(methods.map(call));
        expect(fuzzed.child.exitCode, fuzzed.log()).to.equal(null);
        expect((await check()).status).to.equal(1);
        size ??= round >= 1 ? sizeOf(fuzzed.child) : undefined;
      }
    } finally {
      client.close();
      health.close();
    }
    const table = [...codes].sort().map(([told, times]) => `${told} ${times}`);
    console.log(`      key ${KEY}, ${round} rounds: ${table.join(", ")}`);
    const grown = sizeOf(fuzzed.child);
    if (size === undefined || grown === undefined) return;
    console.log(`      ${JSON.stringify(size)} to ${JSON.stringify(grown)}`);
    expect(grown.descriptors).to.be.below(size.descriptors + 60);
    expect(grown.mebibytes).to.be.below(size.mebibytes + 700);
  }

  it("RunService refuses them honestly and touches nothing", async () => {
    const data = join(folder, "data");
    const runs = join(folder, "runs");
    mkdirSync(join(data, "model"), { recursive: true });
    mkdirSync(join(runs, "mine"), { recursive: true });
    writeFileSync(join(data, "model", "config.json"), "{}");
    writeFileSync(join(data, "pairs.parquet"), "");
    writeFileSync(join(runs, "mine", "notes.txt"), "the only copy");
    symlinkSync(outside, join(data, "link"));
    symlinkSync("round", join(data, "round"));
    const before = await kept([data, outside, join(folder, "home"), join(folder, "work"), join(runs, "mine")]);
    const fuzzed = await boot("served", process.execPath, [...SCPO, "serve", "--runs", runs, "--data", data], {});
    const ids = ["a", "b", "c"];
    await fuzz(fuzzed, [...methodsOf("scpo.v1.RunService"), ...reflectionMethods("v1")], {
      texts: {
        ...REFLECTED,
        name: [...ids, "mine"].map((id) => `runs/${id}`).concat("runs/a/checkpoints/stage-0"),
        parent: ids.map((id) => `runs/${id}`),
        run_id: ["", ...ids, "mine"],
        request_id: ["", "", randomUUID(), randomUUID()],
        reason: ["", "enough"],
        page_token: ["", Buffer.from('{"after":"1"}').toString("base64url"), "e30", "bnVsbA"],
      },
      settings: {
        ...tinySettings(),
        curriculum: { policy: "staged" },
        stages: [{ name: "easy", learning_rate: 0.1 }],
      },
    });
    const connection = connectRuns(`unix://${fuzzed.socket}`);
    const { runs: made } = await connection.runs.listRuns({ pageSize: 1000 });
    connection.close();
    for (const { reason } of made) {
      expect(reason).to.not.match(STACK);
      expect(reason).to.not.include("\n");
    }
    // What the service says of a fault of its own.
    expect(fuzzed.log().match(/^.*(?: failed: |could not be recorded).*$/m)?.[0]).to.equal(undefined);
    expect(await kept([data, outside, join(folder, "home"), join(folder, "work"), join(runs, "mine")])).to.deep.equal(
      before,
    );
    const ended = new Promise((resolve) => fuzzed.child.once("exit", resolve));
    fuzzed.child.kill("SIGTERM");
    expect(await ended).to.equal(0);
  });

  it("TrainerService and FileService refuse them honestly and touch nothing", async () => {
    const world = await tinyWorld();
    const root = join(folder, "root");
    mkdirSync(join(root, "datasets"), { recursive: true });
    cpSync(world.model, join(root, "model"), { recursive: true });
    cpSync(world.pairs.path, join(root, "pairs.parquet"));
    writeFileSync(join(root, "datasets", "notes.txt"), "the only copy");
    symlinkSync(outside, join(root, "link"));
    symlinkSync("round", join(root, "round"));
    const own = [join(root, "datasets"), join(root, "model"), outside, join(folder, "home"), join(folder, "work")];
    const before = await kept(own);
    const args = ["-m", "scpo_trl.service", "--root", root, "--threads", "1", "--upload-limit", "0.01"];
    const fuzzed = await boot("trainer", findPython(), args, trainerEnvironment(1));
    const content = Buffer.from("uploaded");
    const sha256 = createHash("sha256").update(content).digest("hex");
    const methods = [
      ...["scpo.v1.TrainerService", "scpo.v1.FileService"].flatMap(methodsOf),
      ...reflectionMethods("v1alpha"),
    ];
    const paths = [
      "model",
      "pairs.parquet",
      "trainings/a",
      "trainings/a/b",
      "exported",
      "link/notes.txt",
      "datasets",
      "x/../..",
    ];
    const places = paths.map((path) => join(root, path));
    await fuzz(
      fuzzed,
      methods.filter(({ name }) => name !== "Shutdown"),
      {
        texts: {
          ...REFLECTED,
          path: places,
          sha256: [sha256],
          "FolderFile.path": ["config.json", "a/b.txt"],
          "PlaceFolderRequest.path": ["", join(root, "trainings", "a"), join(root, "trainings", "a", "b"), root],
          "RemoveFolderRequest.path": [join(root, "trainings", "a"), join(root, "trainings", "a", "b"), root],
          "LoadModelRequest.path": [join(root, "model")],
          "ExportModelRequest.path": Array.from({ length: 9 }, (_, at) => join(root, `exported-${at}`)),
          "Dataset.path": [join(root, "pairs.parquet")],
          "Dataset.sha256": [world.pairs.sha256, ""],
          image_path: [""],
          image_column: ["images", "rejected_images"],
          image_encoder: [""],
          patch_encoder: [""],
          text: ["USER: <image> describe", "a red disc"],
          checkpoint_directory: ["", join(root, "trainings", "t")],
          resume_from: ["", "", "", "step-1"],
          checkpoint: ["", "step-1"],
          save_training: ["", "saved"],
          loss: ["scpo", "dpo"],
          "parameters.key": ["beta"],
          telemetry_endpoint: [""],
          frozen_prefixes: ["model.vision_tower"],
          reason: ["because"],
        },
        numbers: {
          size: [content.length],
          offset: [0],
          "OpenStage.stage": [0],
          "OpenStage.pairs": [0, 1, 2, 3, 4, 5],
          "OpenStage.held_out_pairs": [8, 9],
          "OpenStage.steps": [1],
          "FeedPairs.pairs": [0, 1, 2],
          "Decision.step": [1],
          batch_size: [1],
          gradient_accumulation_steps: [1, 2],
        },
        bytes: [content, content.subarray(0, 4)],
      },
    );
    expect(existsSync(fuzzed.socket)).to.equal(true);
    expect(errorLines(fuzzed.log())).to.deep.equal([]);
    expect(await kept(own)).to.deep.equal(before);
    // The one call that ends the service.
    const shutdown = methods.find(({ name }) => name === "Shutdown") as DescMethod;
    const client = new Client(`unix://${fuzzed.socket}`, credentials.createInsecure());
    const ended = new Promise((resolve) => fuzzed.child.once("exit", resolve));
    expect((await rawCall(client, shutdown, [Buffer.from("0a00", "hex")], 30_000)).code).to.equal(status.OK);
    client.close();
    expect(await ended).to.equal(0);
    expect(readdirSync(join(folder, "trainer"))).to.deep.equal([]);
  });
});

function problemOf({ code, details, trailerBytes }: Outcome): string | null {
  if (!REFUSALS.includes(code)) return "a fault of the service's own";
  if (code !== status.OK && details === "") return "no word of why";
  if (details.includes("\n") || STACK.test(details)) return "more than one line for a user";
  return trailerBytes > MOST_TRAILER_BYTES ? `${trailerBytes} bytes beside the status` : null;
}

/** Lines that the trainer's log has at the level of an error. */
function errorLines(log: string): string[] {
  return log.split("\n").filter((line) => /^\S+ \S+ (?:ERROR|CRITICAL) /.test(line));
}

/** Files below folders with their hashes; links are not followed. */
async function kept(folders: readonly string[]): Promise<Record<string, string>> {
  const found = await Promise.all(folders.map(hashesBelow));
  return Object.fromEntries(found.flatMap((hashes) => [...hashes]).sort());
}

/** What a process takes, where the system tells. */
function sizeOf({ pid }: ChildProcess): { descriptors: number; mebibytes: number } | undefined {
  const folder = `/proc/${pid}`;
  if (!existsSync(join(folder, "status"))) return undefined;
  const kibibytes = /^VmRSS:\s+(\d+)/m.exec(readFileSync(join(folder, "status"), "utf8"))?.[1];
  return { descriptors: readdirSync(join(folder, "fd")).length, mebibytes: Math.round(Number(kibibytes) / 1024) };
}
