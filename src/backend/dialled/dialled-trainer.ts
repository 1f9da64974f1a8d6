import { existsSync } from "node:fs";
import { mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import type { CallOptions } from "nice-grpc";
import { UserError } from "../../errors.js";
import { DescribeResponse, LoadModelResponse } from "../../generated/scpo/v1/trainer.js";
import type {
  CheckpointSaved,
  DeepPartial,
  StartTraining,
  TrainerServiceClient,
  TrainRequest,
  TrainResponse,
} from "../../generated/scpo/v1/trainer.js";
import { type Trainer, type TrainerExit, TrainerExitedError } from "../trainer.js";
import type { Caller } from "./caller.js";

/** How a training that dialled is directed. */
export interface DialledOptions {
  /** File for the line that says who dialled. */
  readonly logPath: string;
  /** Saved trainings that it keeps, the newest ones. */
  readonly keepTrainings: number;
  /** A training that says nothing for so long has hung. */
  readonly silenceMilliseconds: number;
}

/**
 * A training that dialled, as a trainer: its stream is the one that it opened, its model and its data are its own.
 *
 * Its checkpoints lie in its own output folder; where this machine sees that folder, the run's folder has links to them.
 */
export async function dialledTrainer(caller: Caller, options: DialledOptions): Promise<Trainer> {
  const { offer, title } = caller;
  const logPath = resolve(options.logPath);
  await mkdir(dirname(logPath), { recursive: true });
  await writeFile(logPath, `directs ${title}, which dialled and keeps its own log\n`);
  let settle: (exit: TrainerExit) => void = () => undefined;
  let exit: TrainerExit | undefined;
  const exited = new Promise<TrainerExit>((give) => (settle = give));
  const left = (found: TrainerExit) => {
    exit ??= found;
    settle(exit);
  };
  const lost = `the training ${title} went away; its own log says why: start it again, and it dials and goes on`;
  void caller.gone.then(() => left({ code: null, signal: null, expected: false, logTail: "", lost }));
  const exitedError = () =>
    new TrainerExitedError(exit ?? { code: null, signal: null, expected: false, logTail: "", lost }, logPath);
  const client: TrainerServiceClient = {
    describe: () => Promise.resolve(description(caller)),
    loadModel: () => {
      if (exit !== undefined) return Promise.reject(exitedError());
      return Promise.resolve(LoadModelResponse.fromPartial({ weightsSha256: offer.weightsSha256 }));
    },
    train: (requests, callOptions) => train(requests, callOptions),
    scorePairs: () => {
      throw notAsked("score pairs");
    },
    generate: () => {
      throw notAsked("answer prompts");
    },
    exportModel: () => Promise.reject(notAsked("export its model")),
    shutdown: () => Promise.reject(notAsked("shut down")),
  };
  return {
    client,
    description: description(caller),
    telemetry: false,
    exited,
    logPath,
    stop: () => {
      left({ code: null, signal: null, expected: true, logTail: "" });
      caller.refuse("the director ended this training; `scpo status` there says why");
      return Promise.resolve();
    },
  };

  async function* train(
    requests: AsyncIterable<DeepPartial<TrainRequest>>,
    { signal }: CallOptions = {},
  ): AsyncGenerator<TrainResponse, void, undefined> {
    if (exit !== undefined) throw exitedError();
    const sent = requests[Symbol.asyncIterator]();
    const first = (await sent.next()).value as TrainRequest;
    const start = first.request?.value as StartTraining;
    const { resumeFrom, checkpointDirectory: local } = start;
    if (resumeFrom !== "" && !offer.savedTrainings.includes(resumeFrom)) {
      const message = `${resumeFrom}: the training ${title} no longer has it in ${offer.own?.checkpointDirectory ?? ""}`;
      yield failed(message, resumeFrom);
      return;
    }
    caller.send({
      request: { request: { $case: "start", value: { ...(offer.own as StartTraining), resumeFrom } } },
      keepTrainings: options.keepTrainings,
    });
    const pumped = pump(sent);
    const end = () => caller.refuse("the director cut this training off; `scpo status` there says why");
    signal?.addEventListener("abort", end, { once: true });
    let over = false;
    try {
      for (;;) {
        const message = await caller.next(options.silenceMilliseconds);
        signal?.throwIfAborted();
        if (message === "silent")
          left({ code: null, signal: null, expected: false, logTail: "", hung: `nothing came from ${title}` });
        if (message === "silent" || message === "over" || message.response === undefined) throw exitedError();
        const { response } = message;
        const again = response.$case === "failed" && response.value.cause?.$case === "checkpointDamaged";
        over = again || response.$case === "failed" || response.$case === "ended";
        if (over && !again) caller.end();
        if (response.$case === "checkpointSaved") await linked(response.value, local);
        yield message;
        if (over) break;
      }
    } finally {
      signal?.removeEventListener("abort", end);
      if (!over) caller.refuse("the director gave this training up; `scpo status` there says why");
      void pumped;
    }
  }

  async function pump(sent: AsyncIterator<DeepPartial<TrainRequest>>): Promise<void> {
    for (let next = await sent.next(); next.done !== true; next = await sent.next()) {
      caller.send({ request: next.value as TrainRequest, keepTrainings: 0 });
    }
  }

  async function linked({ name }: CheckpointSaved, local: string): Promise<void> {
    const there = join(offer.own?.checkpointDirectory ?? "", name);
    const here = join(local, name);
    if (there === here || !existsSync(there)) return;
    await rm(here, { recursive: true, force: true });
    await symlink(there, here);
  }
}

function description({ offer }: Caller): DescribeResponse {
  const { packageVersion, protocolVersion, processes } = offer;
  return DescribeResponse.fromPartial({ packageVersion, protocolVersion, processes });
}

function failed(message: string, name: string): TrainResponse {
  return { response: { $case: "failed", value: { message, cause: { $case: "checkpointDamaged", value: { name } } } } };
}

function notAsked(what: string): UserError {
  return new UserError(`a training that dialled cannot be asked to ${what}: take another backend for it`);
}
