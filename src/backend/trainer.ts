import { ScpoError } from "../errors.js";
import type { DescribeResponse, TrainerServiceClient } from "../generated/scpo/v1/trainer.js";

/** A running Python trainer, however it was obtained. */
export interface Trainer {
  /** Calls are rejected with `TrainerExitedError` when the trainer dies and with `UserError` for a user's mistake. */
  readonly client: TrainerServiceClient;
  readonly description: DescribeResponse;
  /** Whether it can send records of every pair to a socket of this machine; a remote trainer cannot. */
  readonly telemetry: boolean;
  /** Resolves when the Python process, or the connection to it, is gone, for any reason; never rejects. */
  readonly exited: Promise<TrainerExit>;
  /** File with everything that Python printed; a remote trainer keeps its own log. */
  readonly logPath: string;
  /** Ends the Python processes within five seconds, or disconnects from a remote trainer; safe to call twice. */
  stop(): Promise<void>;
}

/** What every backend needs besides its settings. */
export interface OpenTrainerOptions {
  /** Existing folders that hold every file the trainer may read or write; a remote trainer has its own. */
  roots: string[];
  /** File for everything that Python prints; emptied at the start. */
  logPath: string;
  /** Gives up waiting for the trainer and ends what was started. */
  signal?: AbortSignal;
  /** A trainer that says nothing for so long during a call has hung (default half an hour). */
  silenceMilliseconds?: number;
}

/** How a Python process ended. */
export interface TrainerExit {
  readonly code: number | null;
  readonly signal: string | null;
  /** True when `stop` was called before. */
  readonly expected: boolean;
  /** Last lines of the log. */
  readonly logTail: string;
  /** Set for a trainer that lives and does not answer: what was waited for. */
  readonly hung?: string;
  /** Set for a remote trainer: its address and how the connection to it broke. */
  readonly lost?: string;
}

/** The Python process ended while it was needed; the message names code or signal and the last lines of its log. */
export class TrainerExitedError extends ScpoError {
  override readonly name = "TrainerExitedError";
  override readonly code = "SCPO_TRAINER_EXITED";
  readonly exit: TrainerExit;

  constructor(exit: TrainerExit, logPath: string) {
    super(describeExit(exit, logPath));
    this.exit = exit;
  }
}

function describeExit(exit: TrainerExit, logPath: string): string {
  if (exit.expected) return "The Python trainer was stopped while work was under way.";
  if (exit.hung !== undefined) {
    return `The Python trainer hung: ${exit.hung}, though it lives; its log is ${logPath} (a run's restarts.silence_minutes is the limit)`;
  }
  if (exit.lost !== undefined) return `The connection to the trainer was lost: ${exit.lost}`;
  const cause =
    exit.signal === null
      ? `ended with exit code ${exit.code}`
      : `was killed by ${exit.signal}${exit.signal === "SIGKILL" ? " (out of memory, or somebody's kill -9)" : ""}`;
  const log = exit.logTail === "" ? "its log is empty" : `its log ends with:\n${exit.logTail}`;
  return `The Python trainer ${cause}; ${log}\n(log: ${logPath})`;
}
