import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import type { Run } from "../generated/scpo/v1/run.js";
import { UserError } from "../errors.js";
import type { RunHandle } from "../run/handle.js";
import type { RunDescription } from "../run/read-run.js";
import { isHeld } from "../run/hold.js";
import { runPaths } from "../run/run-files.js";
import { RunNotFoundError } from "../run-file/settings-folder.js";
import { openRun, resumeRun, startRun } from "../run-file/start-run.js";
import type { RunSettings } from "../run-file/schema.js";
import { type ServiceLimits } from "./limits.js";
import { alreadyExists, exhausted, invalid, notFound, wrongState } from "./faults.js";
import { runIdProblem, runName } from "./resource-names.js";
import { runMessage, type Standing } from "./run-messages.js";
import { RunQueue } from "./run-queue.js";
import { folderName, RECORD_FILE, runIdOfFolder, RunRecords, type RunRecord } from "./run-records.js";
import { EvaluationProbe } from "./evaluation-probe.js";
import { ReadablePaths } from "./readable-paths.js";
import { guardSettings, requireSamePaths } from "./settings-guard.js";
import type { Owner } from "./tokens.js";

/** How the service runs what it is given. */
export interface RunsOptions {
  /** Folder of the runs. */
  readonly folder: string;
  /** Folders that clients' paths must lie under, symbolic links resolved. */
  readonly dataRoots: readonly string[];
  /** Runs at a time. */
  readonly parallel: number;
  readonly limits: OwnerLimits;
  /** How every run gets its trainer. */
  readonly backend: RunSettings["backend"];
  /** Whether clients' settings may have code run that comes with a model, and reach other services. */
  readonly remoteCode: boolean;
  /** Whether clients may name models on the Hugging Face hub. */
  readonly hub: boolean;
  /** Told how a run ended. */
  readonly onEnd: (id: string, state: string) => void;
  /** For the operator. */
  readonly log: (line: string) => void;
}

/** What the service keeps for one owner. */
type OwnerLimits = Pick<
  ServiceLimits,
  "queued" | "runs" | "settingsBytes" | "evaluationSeconds" | "evaluationMebibytes"
>;

const resumable = ["PAUSED", "INTERRUPTED", "FAILED", "CANCELLED"];
const final = ["SUCCEEDED", "STOPPED", "CANCELLED", "FAILED"];
/** Many clients may look at one run: its folder is read this often at most. */
const freshMilliseconds = 250;

/**
 * The runs of the service: their records, their queue, and what can be done with them. Here a run's id is the name of its
 * folder; clients know it by its record's `runId`.
 */
export class Runs {
  readonly #options: RunsOptions;
  readonly #records: RunRecords;
  readonly #queue: RunQueue;
  readonly #paths: ReadablePaths;
  readonly #probe: EvaluationProbe;
  /** Of runs that ended, whose folders change no more, for good; of others for a moment. */
  readonly #known = new Map<string, { description: RunDescription; until: number | null }>();

  private constructor(options: RunsOptions, records: RunRecords) {
    this.#options = options;
    this.#records = records;
    this.#paths = new ReadablePaths(options.dataRoots, options.folder, (name) => records.get(name)?.owner);
    this.#probe = new EvaluationProbe(options.limits);
    this.#queue = new RunQueue({
      parallel: options.parallel,
      begin: (id) => this.#begin(id),
      ended: (id, failure) => this.#ended(id, failure),
    });
  }

  /** Reads the folder, and takes up the runs that were under way or waited when the service last ended. */
  static async open(options: RunsOptions): Promise<Runs> {
    const runs = new Runs(options, await RunRecords.open(options.folder, options.log));
    const waiting = [...runs.#records.entries()].filter(([, { queuedTime }]) => queuedTime !== null);
    waiting.sort(([, a], [, b]) => ((a.queuedTime as string) < (b.queuedTime as string) ? -1 : 1));
    for (const [id] of waiting) runs.#queue.add(id);
    return runs;
  }

  /** Number of runs that wait, and that have a trainer. */
  get counts(): { readonly waiting: number; readonly running: number } {
    return { waiting: this.#queue.waiting, running: this.#queue.running };
  }

  /** Ids and records of all runs, in no order. */
  all(): IterableIterator<[string, RunRecord]> {
    return this.#records.entries();
  }

  /** Ids and records of an owner's runs, newest first. */
  list(owner: Owner): [string, RunRecord][] {
    const own = [...this.#records.entries()].filter(([, record]) => record.owner === owner);
    return own.sort(([a, { createTime: ofA }], [b, { createTime: ofB }]) =>
      ofA === ofB ? (a < b ? -1 : 1) : ofA > ofB ? -1 : 1,
    );
  }

  /**
   * The id of an owner's run.
   *
   * @throws RichServerError NOT_FOUND, for another owner's too.
   */
  idOf(owner: Owner, runId: string): string {
    const id = folderName(owner, runId);
    if (this.#records.get(id)?.owner !== owner) throw notFound(runName(runId));
    return id;
  }

  /**
   * A run as its owner sees it.
   *
   * @throws RichServerError NOT_FOUND when it was deleted meanwhile.
   */
  async message(id: string, options: { withSettings: boolean }): Promise<Run> {
    const message = await this.messageIfThere(id, options);
    if (message === undefined) throw notFound(this.#name(id));
    return message;
  }

  /** A run as its owner sees it; undefined when it was deleted meanwhile. */
  async messageIfThere(id: string, options: { withSettings: boolean }): Promise<Run | undefined> {
    if (this.#records.get(id) === undefined) return undefined;
    const description = await this.describe(id);
    const record = this.#records.get(id);
    if (record === undefined) return undefined;
    return runMessage(record, this.#standing(id, record, description), description, options.withSettings);
  }

  /** What the run's folder says; undefined before it has begun. */
  async describe(id: string): Promise<RunDescription | undefined> {
    const known = this.#known.get(id);
    if (known !== undefined && (known.until === null || Date.now() < known.until)) return known.description;
    const description = await (await this.handle(id))?.describe();
    if (description === undefined) return undefined;
    const isFinal = !this.isUnderWay(id) && final.includes(description.status);
    this.#known.set(id, { description, until: isFinal ? null : Date.now() + freshMilliseconds });
    return description;
  }

  /** The run's handle: that of its director, or one that reads its folder; undefined before it has begun. */
  async handle(id: string): Promise<RunHandle | undefined> {
    const live = this.#queue.handle(id);
    if (live !== undefined) return live;
    try {
      return await openRun(this.#records.directory(id));
    } catch (error) {
      if (error instanceof RunNotFoundError) return undefined;
      throw error;
    }
  }

  /** Whether the run waits, or has a trainer: more will happen in it. */
  isUnderWay(id: string): boolean {
    return this.#queue.holds(id) || this.#queue.waitingBefore(id) !== undefined;
  }

  /**
   * Where the run stands now.
   *
   * @throws RichServerError NOT_FOUND when it was deleted meanwhile.
   */
  async standing(id: string): Promise<Standing> {
    const standing = await this.standingIfThere(id);
    if (standing === undefined) throw notFound(this.#name(id));
    return standing;
  }

  /** Where the run stands now; undefined when it was deleted meanwhile. */
  async standingIfThere(id: string): Promise<Standing | undefined> {
    const description = await this.describe(id);
    const record = this.#records.get(id);
    return record === undefined ? undefined : this.#standing(id, record, description);
  }

  /**
   * Checks settings and queues a run.
   *
   * @param id Empty: one is made.
   * @param validateOnly Makes nothing.
   * @returns The run's id.
   */
  async create(
    owner: Owner,
    request: { id: string; settings: unknown; validateOnly: boolean; request: RunRecord["request"] },
  ): Promise<string> {
    const runId = request.id === "" ? `run-${randomBytes(6).toString("hex")}` : request.id;
    const problem = runIdProblem(runId, "run_id");
    if (problem !== null) throw invalid(problem);
    const id = folderName(owner, runId);
    const settings = await guardSettings(request.settings, {
      ...{ paths: this.#paths, owner, runId, remoteCode: this.#options.remoteCode, hub: this.#options.hub },
      findEvaluationProblems: this.#probe.of(owner),
    });
    if (this.#records.get(id) !== undefined || existsSync(this.#records.directory(id))) {
      throw alreadyExists(runName(runId));
    }
    if (request.validateOnly) return id;
    // Nothing is awaited from here until the record is among the others: calls at a time share the room.
    this.#requireRoom(owner, settings);
    const now = new Date().toISOString();
    const { request: made } = request;
    const record = { owner, runId, createTime: now, request: made, settings, queuedTime: now, ended: null };
    if (!(await this.#records.add(record))) throw alreadyExists(runName(runId));
    this.#queue.add(id);
    return id;
  }

  /** Ends a run for good; one that has ended stays as it is. */
  async cancel(id: string, reason: string): Promise<void> {
    if (this.#queue.remove(id) || !this.#queue.holds(id)) {
      await this.#refuseElsewhere(id);
      const { status } = await this.standing(id);
      if (final.includes(status)) return;
      const ended = { state: "CANCELLED", reason, time: new Date().toISOString() } as const;
      await this.#change(id, { queuedTime: null, ended });
      // Another client may have queued it meanwhile.
      if (this.isUnderWay(id)) await this.cancel(id, reason);
      return;
    }
    await this.#whenBegun(id, (handle) => handle.cancel(reason));
  }

  /** Saves a running run and frees its trainer; takes a waiting one out of the queue. */
  async pause(id: string): Promise<void> {
    if (this.#queue.remove(id)) {
      await this.#change(id, { queuedTime: null });
      return;
    }
    if (this.#queue.holds(id)) {
      await this.#whenBegun(id, (handle) => handle.pause());
      return;
    }
    await this.#refuseElsewhere(id);
    const { status } = await this.standing(id);
    if (status !== "PAUSED") throw wrongState(this.#name(id), status, "RUNNING, QUEUED or PAUSED");
  }

  /** Queues a run that does not run. */
  async resume(id: string): Promise<void> {
    if (this.isUnderWay(id)) return;
    await this.#refuseElsewhere(id);
    const { status } = await this.standing(id);
    if (!resumable.includes(status)) throw wrongState(this.#name(id), status, resumable.join(", "));
    this.#known.delete(id);
    await this.#change(id, { queuedTime: new Date().toISOString(), ended: null });
    this.#queue.add(id);
  }

  /** Removes a run that does not run, with its files. */
  async remove(id: string): Promise<void> {
    if (this.isUnderWay(id)) throw this.#underWay(id);
    await this.#refuseElsewhere(id);
    this.#known.delete(id);
    const isRemoved = await this.#records.remove(id).catch((error: unknown) => this.#refused(id, error));
    if (!isRemoved) throw this.#underWay(id);
  }

  /** Pauses what runs; a service that starts on the same folder takes it up. */
  async drain(): Promise<void> {
    this.#probe.close();
    await this.#queue.drain();
  }

  /** A run that somebody directs outside the service, such as by `scpo resume`, is theirs until it ends. */
  async #refuseElsewhere(id: string): Promise<void> {
    if (this.#queue.holds(id) || !(await isHeld(runPaths(this.#records.directory(id)).hold))) return;
    throw wrongState(this.#name(id), "RUNNING outside the service", "a run that nobody else directs; wait for it");
  }

  async #change(id: string, changes: Parameters<RunRecords["change"]>[1]): Promise<void> {
    const name = this.#name(id);
    const isChanged = await this.#records.change(id, changes).catch((error: unknown) => this.#refused(id, error));
    if (!isChanged) throw notFound(name);
  }

  #underWay(id: string): Error {
    return wrongState(this.#name(id), "RUNNING or QUEUED", "a run that has ended; cancel it first");
  }

  /** What the operator did to the folder is told to the operator; the client hears that the call cannot be done. */
  #refused(id: string, error: unknown): never {
    if (!(error instanceof UserError)) throw error;
    this.#options.log(error.message);
    throw wrongState(this.#name(id), "out of the service's hands", "its folder as the service made it; delete the run");
  }

  /** @throws RichServerError RESOURCE_EXHAUSTED when the owner may have no further run. */
  #requireRoom(owner: Owner, settings: RunRecord["settings"]): void {
    const { queued, runs, settingsBytes } = this.#options.limits;
    const own = [...this.#records.entries()].filter(([, record]) => record.owner === owner);
    const waiting = own.filter(([id, { queuedTime }]) => queuedTime !== null && !this.#queue.holds(id)).length;
    if (waiting >= queued) {
      throw exhausted("QUEUE", `${waiting} runs wait, expected at most ${queued}; cancel one or wait`);
    }
    if (own.length >= runs) {
      throw exhausted("RUNS", `${own.length} runs are kept, expected at most ${runs}; delete one`);
    }
    const bytes = own.reduce((sum, [, record]) => sum + bytesOf(record.settings), bytesOf(settings));
    if (bytes <= settingsBytes) return;
    throw exhausted(
      "SETTINGS",
      `the settings of all runs take ${bytes} bytes, expected at most ${settingsBytes}; delete runs`,
    );
  }

  /** What clients call the run. */
  #name(id: string): string {
    return runName(this.#records.get(id)?.runId ?? runIdOfFolder(id));
  }

  /** Does something with a run that has a trainer, or as soon as it has. */
  async #whenBegun(id: string, act: (handle: RunHandle) => Promise<void>): Promise<void> {
    for (;;) {
      const handle = this.#queue.handle(id);
      if (handle !== undefined) {
        await act(handle);
        await this.#queue.released(id);
        return;
      }
      if (!this.#queue.holds(id)) return;
      await this.#queue.begun(id);
    }
  }

  #standing(id: string, record: RunRecord, description: RunDescription | undefined): Standing {
    const queuedBefore = this.#queue.waitingBefore(id);
    if (queuedBefore !== undefined) return { status: "QUEUED", reason: "", queuedBefore };
    if (this.#queue.holds(id)) return { status: "RUNNING", reason: "", queuedBefore: 0 };
    if (record.ended !== null) return { status: record.ended.state, reason: record.ended.reason, queuedBefore: 0 };
    const { status, reason } = description ?? { status: "QUEUED", reason: "" };
    // Taken out of the queue before it began.
    if (status === "QUEUED") return { status: "PAUSED", reason: "taken out of the queue", queuedBefore: 0 };
    return { status, reason, queuedBefore: 0 };
  }

  async #begin(id: string): Promise<RunHandle> {
    this.#known.delete(id);
    await this.#records.requireMark(id);
    const { runId, owner, settings } = this.#records.get(id) as RunRecord & { settings: RunSettings };
    await requireSamePaths(settings, { paths: this.#paths, owner });
    const findEvaluationProblems = this.#probe.of(owner);
    if ((await this.handle(id)) !== undefined) {
      return resumeRun(this.#records.directory(id), { findEvaluationProblems });
    }
    const claim = { directory: this.#records.directory(id), file: RECORD_FILE };
    return startRun({ ...settings, backend: this.#options.backend }, { id: runId, claim, findEvaluationProblems });
  }

  async #ended(id: string, failure: unknown): Promise<void> {
    await this.#end(id, failure).catch((error: unknown) => {
      this.#options.log(`run ${id}: its end could not be recorded: ${messageOf(error)}`);
    });
  }

  async #end(id: string, failure: unknown): Promise<void> {
    if (failure !== undefined) {
      const reason = messageOf(failure);
      this.#options.log(`run ${id} could not begin: ${reason}`);
      const ended = { state: "FAILED", reason, time: new Date().toISOString() } as const;
      await this.#records.change(id, { queuedTime: null, ended });
      this.#options.onEnd(id, "FAILED");
      return;
    }
    this.#known.delete(id);
    await this.#records.change(id, { queuedTime: null });
    this.#options.onEnd(id, (await this.standing(id)).status);
  }
}

function messageOf(failure: unknown): string {
  return failure instanceof Error ? failure.message : "it failed without saying why";
}

const sizes = new WeakMap<object, number>();

/** Bytes that settings take as JSON. */
export function bytesOf(settings: object): number {
  const known = sizes.get(settings) ?? Buffer.byteLength(JSON.stringify(settings));
  sizes.set(settings, known);
  return known;
}
