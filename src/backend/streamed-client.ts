import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { hostname } from "node:os";
import { basename, join, resolve } from "node:path";
import type { CallOptions } from "nice-grpc";
import type {
  DeepPartial,
  DescribeResponse,
  StartTraining,
  TrainRequest,
  TrainResponse,
  TrainerServiceClient,
} from "../generated/scpo/v1/trainer.js";
import type { FileTransfer } from "./file-transfer.js";

/** Saved trainings kept on the trainer's machine, so that it can resume from one without an upload. */
const keptThere = 2;

/**
 * A trainer's client for callers whose files are only on this machine: files that a request names are sent first, and
 * checkpoints and exported models are brought home before their answer is.
 *
 * @param client Of a trainer that sees other files.
 * @param files Carries them.
 * @param description The trainer's description of itself.
 */
export function streamedClient(
  client: TrainerServiceClient,
  files: FileTransfer,
  description: DescribeResponse,
): TrainerServiceClient {
  const root = description.roots[0] ?? "";
  /** Paths where the trainer runs are left as they are. */
  const isThere = (path: string) =>
    [description.embeddedModelPath, ...description.roots].some(
      (there) => path === there || path.startsWith(`${there}/`),
    );
  const file = async (path: string | undefined, options?: CallOptions) =>
    path === undefined || path === "" || isThere(path) ? (path ?? "") : files.upload(path, options);
  const trainings = (local: string) => {
    const key = createHash("sha256")
      .update(`${hostname()}:${resolve(local)}`)
      .digest("hex")
      .slice(0, 24);
    return `${root}/trainings/${key}`;
  };
  return {
    ...client,
    async loadModel(request, options) {
      const { path = "" } = request;
      const there =
        path === "" || isThere(path) || !existsSync(path) ? path : await files.uploadFolder(path, "", options);
      return client.loadModel({ ...request, path: there }, options);
    },
    async exportModel(request, options) {
      const local = request.path ?? "";
      if (local === "" || isThere(local)) return client.exportModel(request, options);
      const there = `${trainings(local)}-export`;
      await files.remove(there, options).catch(() => undefined);
      const response = await client.exportModel({ ...request, path: there }, options);
      await files.download(there, local, options);
      await files.remove(there, options);
      return response;
    },
    async *scorePairs(request, options) {
      const dataset = { ...request.dataset, path: await file(request.dataset?.path, options) };
      yield* client.scorePairs({ ...request, dataset }, options);
    },
    async *generate(request, options) {
      const { dataset, prompts = [] } = request;
      const there = dataset === undefined ? {} : { dataset: { ...dataset, path: await file(dataset.path, options) } };
      const asked: typeof prompts = [];
      for (const prompt of prompts) asked.push({ ...prompt, imagePath: await file(prompt.imagePath, options) });
      yield* client.generate({ ...request, ...there, prompts: asked }, options);
    },
    async *train(requests, options) {
      const training: Training = { there: "", local: "", kept: [] };
      yield* home(client.train(sent(requests, training, options), options), training, options);
    },
  };

  /** The requests, with what the first one names sent before it. */
  async function* sent(
    requests: AsyncIterable<DeepPartial<TrainRequest>>,
    training: Training,
    options?: CallOptions,
  ): AsyncGenerator<DeepPartial<TrainRequest>> {
    for await (const request of requests) {
      if (request.request?.$case !== "start") yield request;
      else yield { request: { $case: "start", value: await started(request.request.value ?? {}, training, options) } };
    }
  }

  async function started(
    start: DeepPartial<StartTraining>,
    training: Training,
    options?: CallOptions,
  ): Promise<DeepPartial<StartTraining>> {
    const { checkpointDirectory: local = "", resumeFrom = "" } = start;
    training.local = local;
    training.there = local === "" ? "" : trainings(local);
    if (resumeFrom !== "")
      await files.uploadFolder(join(local, resumeFrom), `${training.there}/${resumeFrom}`, options);
    const dataset = { ...start.dataset, path: await file(start.dataset?.path, options) };
    return { ...start, dataset, checkpointDirectory: training.there, telemetryEndpoint: "" };
  }

  /** The responses; a checkpoint is downloaded before it is reported. */
  async function* home(
    responses: AsyncIterable<TrainResponse>,
    training: Training,
    options?: CallOptions,
  ): AsyncGenerator<TrainResponse> {
    for await (const message of responses) {
      const { response } = message;
      if (response?.$case !== "checkpointSaved") {
        yield message;
        continue;
      }
      const { path: there, training: whole } = response.value;
      const path = join(training.local, basename(there));
      await files.download(there, path, options);
      if (whole) training.kept.push(there);
      else await files.remove(there, options);
      while (training.kept.length > keptThere) await files.remove(training.kept.shift() as string, options);
      yield { response: { $case: "checkpointSaved", value: { ...response.value, path } } };
    }
  }
}

/** Where a training's checkpoints are, there and here, and which saved trainings are still there. */
interface Training {
  there: string;
  local: string;
  readonly kept: string[];
}
