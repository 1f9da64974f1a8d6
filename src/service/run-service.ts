import { setTimeout as sleep } from "node:timers/promises";
import type { CallContext } from "nice-grpc";
import { RunState } from "../generated/scpo/v1/run.js";
import type {
  ListRunsRequest,
  Run,
  RunServiceImplementation,
  WatchRunRequest,
  WatchRunResponse,
} from "../generated/scpo/v1/run.js";
import { hasControlCharacters } from "../files/path-guard.js";
import type { Caller } from "./authentication.js";
import { checkpointFiles } from "./checkpoint-files.js";
import { draining, invalid, notFound } from "./faults.js";
import { pageOf } from "./pages.js";
import { requestDigest, IdempotentRequests } from "./idempotent-requests.js";
import { checkpointIdsOf, checkpointName, runIdOf } from "./resource-names.js";
import { checkpointMessage, eventMessage, type Standing } from "./run-messages.js";
import { bytesOf, type Runs } from "./runs.js";
import type { RunRecord } from "./run-records.js";

type Context = CallContext & Caller;

/** Characters of a reason, which is kept with the run and shown in lists. */
const longestReason = 500;
/** How long a watcher waits before it looks whether a run without a director has got one. */
const lookMilliseconds = 200;

/** The calls of `scpo.v1.RunService`. */
export class RunService implements RunServiceImplementation<Caller> {
  readonly #runs: Runs;
  readonly #requests = new IdempotentRequests();
  readonly #closing = new AbortController();
  #watchers = 0;

  constructor(runs: Runs) {
    this.#runs = runs;
    for (const [id, { owner, request }] of runs.all()) this.#requests.recall(owner, request, id);
  }

  /** Open watches. */
  get watchers(): number {
    return this.#watchers;
  }

  /** Refuses calls that begin something, from now on. */
  close(): void {
    this.#closing.abort();
  }

  async createRun(
    request: { settings: unknown; runId: string; requestId: string; validateOnly: boolean },
    { owner }: Context,
  ): Promise<{ run?: Run }> {
    this.#mustBeOpen();
    const { settings, runId, requestId, validateOnly } = request;
    const content = { call: "create", settings, runId };
    const made = { id: requestId, digest: requestDigest(content) };
    const create = () => this.#runs.create(owner, { id: runId, settings, validateOnly, request: made });
    if (validateOnly) {
      await create();
      return {};
    }
    const id = await this.#requests.once(owner, requestId, content, create);
    return { run: await this.#runs.message(id, { withSettings: true }) };
  }

  async getRun({ name }: { name: string }, { owner }: Context): Promise<{ run: Run }> {
    const id = this.#own(owner, name);
    return { run: await this.#runs.message(id, { withSettings: true }) };
  }

  async listRuns(request: ListRunsRequest, { owner }: Context): Promise<{ runs: Run[]; nextPageToken: string }> {
    let listed = this.#runs.list(owner);
    if (request.states.length > 0) {
      const standings = await Promise.all(listed.map(([id]) => this.#runs.standingIfThere(id)));
      const wanted = new Set(request.states);
      listed = listed.filter((_, at) => isOneOf(wanted, standings[at]));
    }
    const { withSettings } = request;
    const bytes = withSettings ? ([, { settings }]: [string, RunRecord]) => bytesOf(settings) : undefined;
    const { items, nextPageToken } = pageOf(listed, newestFirst, request, bytes);
    const runs = await Promise.all(items.map(([id]) => this.#runs.messageIfThere(id, { withSettings })));
    return { runs: runs.filter((run) => run !== undefined), nextPageToken };
  }

  async *watchRun(request: WatchRunRequest, { owner, signal }: Context): AsyncGenerator<WatchRunResponse> {
    const runId = runIdOf(request.name);
    const id = this.#runs.idOf(owner, runId);
    this.#watchers += 1;
    try {
      let after = request.afterSequence;
      while (!signal.aborted) {
        const mayGoOn = this.#runs.isUnderWay(id);
        const handle = await this.#runs.handle(id);
        for await (const event of handle?.events({ after, signal }) ?? []) {
          after = event.sequence;
          yield { event: eventMessage(runId, event) };
        }
        if (!mayGoOn || this.#closing.signal.aborted) return;
        await sleep(lookMilliseconds, undefined, { signal }).catch(() => undefined);
      }
    } finally {
      this.#watchers -= 1;
    }
  }

  async cancelRun(
    { name, reason, requestId }: { name: string; reason: string; requestId: string },
    { owner }: Context,
  ): Promise<{ run: Run }> {
    const id = this.#own(owner, name);
    if (reason.length > longestReason || hasControlCharacters(reason)) {
      const expected = `one line of at most ${longestReason} characters`;
      throw invalid({ field: "reason", description: `found ${reason.length} characters, expected ${expected}` });
    }
    const act = () => this.#runs.cancel(id, reason === "" ? "cancelled by a client" : reason);
    return this.#change(owner, requestId, { call: "cancel", name, reason }, id, act);
  }

  async pauseRun({ name, requestId }: { name: string; requestId: string }, { owner }: Context): Promise<{ run: Run }> {
    const id = this.#own(owner, name);
    return this.#change(owner, requestId, { call: "pause", name }, id, () => this.#runs.pause(id));
  }

  async resumeRun({ name, requestId }: { name: string; requestId: string }, { owner }: Context): Promise<{ run: Run }> {
    this.#mustBeOpen();
    const id = this.#own(owner, name);
    return this.#change(owner, requestId, { call: "resume", name }, id, () => this.#runs.resume(id));
  }

  async deleteRun({ name, requestId }: { name: string; requestId: string }, { owner }: Context): Promise<object> {
    const act = async () => this.#runs.remove(this.#own(owner, name));
    await this.#requests.once(owner, requestId, { call: "delete", name }, act);
    return {};
  }

  async listCheckpoints(
    request: { parent: string; pageSize: number; pageToken: string },
    { owner }: Context,
  ): Promise<{ checkpoints: ReturnType<typeof checkpointMessage>[]; nextPageToken: string }> {
    const runId = runIdOf(request.parent, "parent");
    const id = this.#runs.idOf(owner, runId);
    const description = await this.#runs.describe(id);
    const sorted = (description?.checkpoints ?? [])
      .map((saved) => checkpointMessage(runId, saved))
      .sort((a, b) => (checkpointKey(a) < checkpointKey(b) ? -1 : 1));
    const { items, nextPageToken } = pageOf(sorted, checkpointKey, request);
    return { checkpoints: [...items], nextPageToken };
  }

  async *exportCheckpoint({ name }: { name: string }, { owner }: Context): ReturnType<typeof checkpointFiles> {
    const { run, checkpoint } = checkpointIdsOf(name);
    const description = await this.#runs.describe(this.#runs.idOf(owner, run));
    const saved = description?.checkpoints.find((candidate) => candidate.name === checkpoint);
    if (saved === undefined) throw notFound(checkpointName(run, checkpoint));
    yield* checkpointFiles(saved.path);
  }

  async #change(
    owner: string,
    requestId: string,
    content: object,
    id: string,
    act: () => Promise<void>,
  ): Promise<{ run: Run }> {
    await this.#requests.once(owner, requestId, content, act);
    return { run: await this.#runs.message(id, { withSettings: true }) };
  }

  /** The id of a run that is the caller's. */
  #own(owner: string, name: string): string {
    return this.#runs.idOf(owner, runIdOf(name));
  }

  #mustBeOpen(): void {
    if (this.#closing.signal.aborted) throw draining();
  }
}

function isOneOf(states: ReadonlySet<RunState>, standing: Standing | undefined): boolean {
  return standing !== undefined && states.has(RunState[standing.status]);
}

const latest = 1e15;

/** Sorts as `Runs.list` does. */
function newestFirst([id, { createTime }]: [string, RunRecord]): string {
  return `${String(latest - Date.parse(createTime)).padStart(16, "0")} ${id}`;
}

function checkpointKey({ step, name }: { step: number; name: string }): string {
  return `${String(step).padStart(12, "0")} ${name}`;
}
