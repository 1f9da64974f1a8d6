import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { UserError } from "../errors.js";
import { causedErrors, within } from "./client-errors.js";
import { connect } from "./connect.js";
import { logTail } from "../files/log-tail.js";
import { checkProtocol } from "./protocol.js";
import { findPython, trainerEnvironment } from "./python.js";
import type { PythonBridge } from "./pythonia-bridge.js";
import { startPythonBridge } from "./pythonia-bridge.js";
import type { SocketDirectory } from "./socket-directory.js";
import { openSocketDirectory } from "./socket-directory.js";
import { sweepStaleSockets } from "./stale-sockets.js";
import type { Trainer } from "./trainer.js";
import { TrainerProcess } from "./trainer-process.js";

/** How the embedded trainer is started. */
export interface EmbeddedOptions {
  /** Existing folders that hold every file the trainer may read or write. */
  roots: string[];
  /** File for everything that Python prints; emptied at the start. */
  logPath: string;
  /** Threads of torch. */
  threads: number;
  /** Path of a Python interpreter; default: $SCPO_PYTHON, else the one that the set-up makes. */
  python?: string;
  /** Gives up waiting for the trainer and ends what was started. */
  signal?: AbortSignal;
  /** A trainer that says nothing for so long during a call has hung (default half an hour). */
  silenceMilliseconds?: number;
}

/** Python imports torch and transformers meanwhile: seconds, or a minute on a busy disk. */
const bootMilliseconds = 180_000;
const connectMilliseconds = 30_000;

let running = false;

/**
 * Starts the Python trainer as a child of this process: pythonia boots it, gRPC over a Unix socket does the rest. One
 * embedded trainer a process at a time; after `stop` another may be started. Node may end while the trainer is idle:
 * the trainer ends with it.
 *
 * @throws UserError when Python is missing or a trainer runs already; TrainerExitedError when Python dies meanwhile;
 *   AbortError when the signal comes first.
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
  let embedded: TrainerProcess | undefined;
  let sockets: SocketDirectory | undefined;
  const abort = () => void embedded?.stop();
  options.signal?.addEventListener("abort", abort, { once: true });
  const end = () => {
    sockets?.remove();
    running = false;
  };
  try {
    const logPath = resolve(options.logPath);
    mkdirSync(dirname(logPath), { recursive: true });
    writeFileSync(logPath, "");
    await sweepStaleSockets();
    sockets = openSocketDirectory();
    const bridge = startPythonBridge(python, trainerEnvironment(options.threads));
    const kill = () => bridge.child.kill("SIGKILL");
    const clear = () => {
      bridge.exit();
      end();
    };
    embedded = new TrainerProcess({ child: bridge.child, terminate: () => bridge.exit(), kill, clear }, logPath);
    options.signal?.throwIfAborted();
    return await serve(embedded, python, bridge, sockets.socket("trainer.sock"), logPath, options);
  } catch (error) {
    if (embedded === undefined) end();
    else await embedded.stop();
    options.signal?.throwIfAborted();
    throw error;
  } finally {
    options.signal?.removeEventListener("abort", abort);
  }
}

/** Boots the service in the running process and connects to it. */
async function serve(
  embedded: TrainerProcess,
  python: string,
  bridge: PythonBridge,
  socket: string,
  logPath: string,
  options: EmbeddedOptions,
): Promise<Trainer> {
  const roots = options.roots.map((root) => resolve(root));
  const settings = JSON.stringify({ socket, roots, log_path: logPath, threads: options.threads });
  checkBooted(await within(embedded.orExit(callBoot(bridge, settings)), bootMilliseconds), logPath);
  const middleware = causedErrors(embedded.exited, logPath);
  const { silenceMilliseconds } = options;
  const dialling = { milliseconds: connectMilliseconds, middleware, silenceMilliseconds };
  const connecting = connect(`unix://${socket}`, dialling);
  const connection = await embedded.orExit(connecting);
  embedded.connection = connection;
  const { client } = connection;
  const description = await client.describe({});
  checkProtocol(description, `of ${python}`);
  bridge.unref();
  return { client, description, telemetry: true, exited: embedded.exited, logPath, stop: () => embedded.stop() };
}

async function callBoot(bridge: PythonBridge, settings: string): Promise<string> {
  const bootstrap = await bridge.python("scpo_trl.service.bootstrap");
  return bootstrap.boot(settings);
}

/** The bootstrap answers `{"ok": ...}` or `{"error": {type, message, traceback}}`; pythonia's own errors are empty. */
function checkBooted(answer: string | undefined, logPath: string): void {
  if (answer === undefined) {
    const seconds = bootMilliseconds / 1000;
    throw new Error(`The Python trainer did not start within ${seconds} s; its log ends with:\n${logTail(logPath)}`);
  }
  const { error } = JSON.parse(answer) as { error?: { type: string; message: string; traceback: string } };
  if (error === undefined) return;
  if (error.type === "UserError") throw new UserError(error.message);
  throw new Error(`The Python trainer could not start: ${error.type}: ${error.message}\n${error.traceback}`);
}
