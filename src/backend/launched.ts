import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { UserError } from "../errors.js";
import { causedErrors } from "./client-errors.js";
import { connect } from "./connect.js";
import { checkProtocol } from "./protocol.js";
import { findPython, trainerEnvironment } from "./python.js";
import type { LaunchedSettings } from "./settings.js";
import type { SocketDirectory } from "./socket-directory.js";
import { openSocketDirectory } from "./socket-directory.js";
import { sweepStaleSockets } from "./stale-sockets.js";
import type { OpenTrainerOptions, Trainer } from "./trainer.js";
import { TrainerExitedError } from "./trainer.js";
import { TrainerProcess } from "./trainer-process.js";

/** Several processes import torch and transformers meanwhile, on a machine that may be busy. */
const readyMilliseconds = 300_000;

/** Several processes end one after another. */
const leaveMilliseconds = 2500;

/** With this exit code a Python program ends after one line about a user's mistake. */
const userErrorCode = 2;

/**
 * Starts Python processes of their own: one, or several that train together through torchrun or accelerate launch. They
 * are a process group, so that Ctrl-C does not reach them, and end with this process, even by kill -9 (on Linux).
 *
 * @throws UserError when Python is missing or refuses its command line; TrainerExitedError when it dies meanwhile.
 */
export async function launch(settings: LaunchedSettings, options: OpenTrainerOptions): Promise<Trainer> {
  const python = findPython(settings.python);
  const logPath = resolve(options.logPath);
  mkdirSync(dirname(logPath), { recursive: true });
  await sweepStaleSockets();
  const sockets = openSocketDirectory();
  const socket = sockets.socket("trainer.sock");
  const child = start(python, commandLine(settings, socket, options.roots), settings.threads, logPath);
  const launched = new TrainerProcess(ending(child, sockets), logPath);
  const abort = () => void launched.stop();
  options.signal?.addEventListener("abort", abort, { once: true });
  try {
    const trainer = await serve(launched, `unix://${socket}`, python, { ...options, logPath });
    child.unref();
    return trainer;
  } catch (error) {
    await launched.stop();
    options.signal?.throwIfAborted();
    throw asUserError(error);
  } finally {
    options.signal?.removeEventListener("abort", abort);
  }
}

async function serve(
  launched: TrainerProcess,
  address: string,
  python: string,
  { logPath, silenceMilliseconds }: OpenTrainerOptions,
): Promise<Trainer> {
  const middleware = causedErrors(launched.exited, logPath);
  const dialling = { milliseconds: readyMilliseconds, middleware, silenceMilliseconds };
  const connection = await launched.orExit(connect(address, dialling));
  launched.connection = connection;
  const { client } = connection;
  const description = await client.describe({});
  checkProtocol(description, `of ${python}`);
  return { client, description, telemetry: true, exited: launched.exited, logPath, stop: () => launched.stop() };
}

/** Arguments of the Python interpreter. */
function commandLine(settings: LaunchedSettings, socket: string, roots: readonly string[]): string[] {
  const service = [
    ...["--listen", `unix://${socket}`, "--threads", String(settings.threads), "--die-with-parent"],
    ...roots.flatMap((root) => ["--root", resolve(root)]),
  ];
  if (settings.launcher === "python") return ["-m", "scpo_trl.service", ...service];
  const launcher = [settings.launcher, "--processes", String(settings.processes)];
  return ["-m", "scpo_trl.service.launch", ...launcher, ...settings.arguments, "--", ...service];
}

function start(python: string, args: string[], threads: number, logPath: string): ChildProcess {
  const log = openSync(logPath, "w", 0o600);
  try {
    return spawn(python, args, {
      detached: true,
      stdio: ["ignore", log, log],
      env: { ...process.env, ...trainerEnvironment(threads), SCPO_PARENT: String(process.pid) },
    });
  } finally {
    closeSync(log);
  }
}

/** How a process group is ended. */
function ending(child: ChildProcess, sockets: SocketDirectory): ConstructorParameters<typeof TrainerProcess>[0] {
  const signal = (name: NodeJS.Signals) => {
    if (child.pid === undefined) return;
    try {
      process.kill(-child.pid, name);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  };
  const clear = () => {
    // What is left of the group after its first process.
    signal("SIGKILL");
    sockets.remove();
  };
  return {
    child,
    leavesWithin: leaveMilliseconds,
    terminate: () => signal("SIGTERM"),
    kill: () => signal("SIGKILL"),
    clear,
  };
}

function asUserError(error: unknown): unknown {
  if (!(error instanceof TrainerExitedError) || error.exit.code !== userErrorCode) return error;
  return new UserError(error.exit.logTail.split("\n").at(-1) ?? error.message);
}
