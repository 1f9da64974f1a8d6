import type { ChildProcess } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { UserError } from "../errors.js";
import { causedErrors, within } from "./client-errors.js";
import type { Connection } from "./connect.js";
import { connect } from "./connect.js";
import { logTail } from "./log-tail.js";
import { findPython, pythonPath } from "./python.js";
import type { PythonBridge } from "./pythonia-bridge.js";
import { startPythonBridge } from "./pythonia-bridge.js";
import type { SocketDirectory } from "./socket-directory.js";
import { openSocketDirectory } from "./socket-directory.js";
import { sweepStaleSockets } from "./stale-sockets.js";
import type { Trainer, TrainerExit } from "./trainer.js";
import { TrainerExitedError } from "./trainer.js";

/** How the embedded trainer is started. */
export interface EmbeddedOptions {
  /** Folders under which every file lies that the trainer may read or write. */
  roots: string[];
  /** File for everything that Python prints; emptied at the start. */
  logPath: string;
  /** Threads of torch. */
  threads: number;
  /** Path of a Python interpreter; default: $SCPO_PYTHON, else the one that the set-up makes. */
  python?: string;
}

const connectMilliseconds = 60_000;
const shutdownMilliseconds = 2500;
const killMilliseconds = 4000;

let running = false;

/**
 * Starts the Python trainer inside this process's process group: pythonia boots it, gRPC over a Unix socket does the
 * rest. One embedded trainer a process at a time; after `stop` another may be started.
 *
 * @throws UserError when Python is missing or a trainer runs already; TrainerExitedError when Python dies while starting.
 */
export async function bootEmbedded(options: EmbeddedOptions): Promise<Trainer> {
  const python = findPython(options.python);
  if (running) {
    throw new UserError(
      "embedded trainer: found one running in this process, expected none (pythonia serves one Python a process): " +
        "stop it first, or start the second one from another process",
    );
  }
  running = true;
  try {
    return await boot(python, options);
  } catch (error) {
    running = false;
    throw error;
  }
}

async function boot(python: string, options: EmbeddedOptions): Promise<Trainer> {
  const logPath = resolve(options.logPath);
  mkdirSync(dirname(logPath), { recursive: true });
  writeFileSync(logPath, "");
  await sweepStaleSockets();
  const sockets = openSocketDirectory();
  let bridge: PythonBridge;
  try {
    bridge = startPythonBridge(python, environmentOf(options.threads));
  } catch (error) {
    sockets.remove();
    throw error;
  }
  const process = new EmbeddedProcess(bridge, sockets, logPath);
  try {
    const socket = sockets.socket("trainer.sock");
    const settings = { socket, roots: options.roots.map((root) => resolve(root)), log_path: logPath, threads: options.threads };
    const answer = await process.orExit(callBoot(bridge, JSON.stringify(settings)));
    checkBooted(answer);
    const middleware = causedErrors(process.exited, logPath);
    const connecting = connect(`unix://${socket}`, { milliseconds: connectMilliseconds, middleware });
    const connection = await process.orExit(connecting);
    process.connection = connection;
    const { client } = connection;
    const description = await client.describe({});
    bridge.unref();
    return { client, description, exited: process.exited, logPath, stop: () => process.stop() };
  } catch (error) {
    await process.stop();
    throw error;
  }
}

async function callBoot(bridge: PythonBridge, settings: string): Promise<string> {
  const bootstrap = await bridge.python("scpo_trl.service.bootstrap");
  return bootstrap.boot(settings);
}

/** The bootstrap answers `{"ok": ...}` or `{"error": {type, message, traceback}}`; pythonia's own errors are empty. */
function checkBooted(answer: string): void {
  const { error } = JSON.parse(answer) as { error?: { type: string; message: string; traceback?: string } };
  if (error === undefined) return;
  if (error.type === "UserError") throw new UserError(error.message);
  throw new Error(`The Python trainer could not start: ${error.type}: ${error.message}\n${error.traceback ?? ""}`);
}

function environmentOf(threads: number): Record<string, string> {
  return {
    PYTHONPATH: pythonPath(),
    PYTHONUNBUFFERED: "1",
    OMP_NUM_THREADS: String(threads),
    MKL_NUM_THREADS: String(threads),
    TOKENIZERS_PARALLELISM: "false",
  };
}

/** The Python process from its start to its end. */
class EmbeddedProcess {
  readonly exited: Promise<TrainerExit>;
  connection: Connection | undefined;
  readonly #bridge: PythonBridge;
  readonly #child: ChildProcess;
  readonly #logPath: string;
  #expected = false;
  #stopping: Promise<void> | undefined;

  constructor(bridge: PythonBridge, sockets: SocketDirectory, logPath: string) {
    this.#bridge = bridge;
    this.#child = bridge.child;
    this.#logPath = logPath;
    // Where the system does not end an orphan by itself, this does.
    const killOrphan = () => this.#child.kill("SIGKILL");
    process.once("exit", killOrphan);
    this.exited = this.#ended().then((exit) => {
      process.removeListener("exit", killOrphan);
      bridge.exit();
      this.connection?.close();
      sockets.remove();
      running = false;
      return exit;
    });
  }

  /** The promise's value, or TrainerExitedError as soon as the process is gone. */
  async orExit<T>(work: Promise<T>): Promise<T> {
    // The loser of the race may still reject, long after anybody listens.
    work.catch(() => undefined);
    const exit = this.exited.then((ended): never => {
      throw new TrainerExitedError(ended, this.#logPath);
    });
    return Promise.race([work, exit]);
  }

  stop(): Promise<void> {
    this.#expected = true;
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    const killTimer = setTimeout(() => this.#child.kill("SIGKILL"), killMilliseconds);
    try {
      const shutdown = this.connection?.client.shutdown({}).catch(() => undefined);
      if (shutdown !== undefined) await within(shutdown, shutdownMilliseconds);
      this.#bridge.exit();
      await this.exited;
    } finally {
      clearTimeout(killTimer);
    }
  }

  #ended(): Promise<TrainerExit> {
    return new Promise((resolve) => {
      const settle = (code: number | null, signal: string | null, tail: string) =>
        resolve({ code, signal, expected: this.#expected, logTail: tail });
      this.#child.once("exit", (code, signal) => settle(code, signal, logTail(this.#logPath)));
      // Also emitted when a message cannot be sent to a process that is about to end: then "exit" follows.
      this.#child.on("error", (error) => {
        if (this.#child.pid === undefined) settle(null, null, error.message);
      });
    });
  }
}
