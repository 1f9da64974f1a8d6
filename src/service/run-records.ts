import { mkdir, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { randomUUID } from "node:crypto";
import { UserError } from "../errors.js";
import { writeAtomically } from "../files/write-atomically.js";
import { takeHold } from "../run/hold.js";
import { earlierVersionProblem, runPaths } from "../run/run-files.js";
import { LOCAL_OWNER, type Owner } from "./tokens.js";
import { makeFolder } from "../files/writable.js";

/** What the service knows of a run beside the run's own files. It lies in the run's folder and marks it as the service's. */
export interface RunRecord {
  readonly owner: Owner;
  /** What clients call the run; names of different owners are different. */
  readonly runId: string;
  /** ISO 8601. */
  readonly createTime: string;
  /** The request that created it: its id, or nothing, and its digest. */
  readonly request: { readonly id: string; readonly digest: string };
  /** As they were given, paths made absolute. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** When it was last put into the queue, ISO 8601; null when it shall not run. A service that starts takes it up. */
  readonly queuedTime: string | null;
  /** Set when it was cancelled, or could not begin, before its folder could say so. */
  readonly ended: { readonly state: "CANCELLED" | "FAILED"; readonly reason: string; readonly time: string } | null;
}

/** The service's record in a run's folder. */
export const RECORD_FILE = "service-run.json";
/** Where folders of removed runs lie until their files are gone. */
const removalFolder = ".service";
const removed = /\.[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Name of a run's folder: what other owners call their runs is never in the way. */
export function folderName(owner: Owner, runId: string): string {
  // No run's id has an @ in it.
  return owner === LOCAL_OWNER ? runId : `${runId}@${owner}`;
}

/** The run's id that a folder's name begins with. */
export function runIdOfFolder(name: string): string {
  return name.split("@")[0] as string;
}

/**
 * The records of the service's runs: in memory, and written through to the runs' folders. A folder without the service's
 * record is somebody else's, whatever its name: it is neither shown nor touched. Here a run goes by its folder's name.
 */
export class RunRecords {
  readonly folder: string;
  readonly #removals: string;
  readonly #records: Map<string, RunRecord>;
  /** The last of what is being done with a run's folder, by its name. */
  readonly #turns = new Map<string, Promise<void>>();

  private constructor(folder: string, records: Map<string, RunRecord>) {
    this.folder = folder;
    this.#removals = join(folder, removalFolder);
    this.#records = records;
  }

  /** Reads the records of the service's runs in the folder. */
  static async open(folder: string, log: (line: string) => void): Promise<RunRecords> {
    const records = new Map<string, RunRecord>();
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      const directory = join(folder, entry.name);
      const record = entry.isDirectory() ? await readRecord(directory) : null;
      // A folder that was copied is not the service's, though the record came along.
      if (record === null || folderName(record.owner, record.runId) !== entry.name) continue;
      const problem = earlierVersionProblem(directory);
      if (problem === null) records.set(entry.name, record);
      else log(`${problem}; it is not served`);
    }
    const opened = new RunRecords(folder, records);
    await opened.#sweep(log);
    return opened;
  }

  /** Where a run's files lie. */
  directory(name: string): string {
    return join(this.folder, name);
  }

  get(name: string): RunRecord | undefined {
    return this.#records.get(name);
  }

  /** Names of folders and records, in no order. */
  entries(): IterableIterator<[string, RunRecord]> {
    return this.#records.entries();
  }

  /**
   * Makes a run's folder, with its record in it.
   *
   * @returns false when anything of that name lies there already; it is left as it is.
   */
  async add(record: RunRecord): Promise<boolean> {
    const name = folderName(record.owner, record.runId);
    if (this.#records.has(name)) return false;
    // Known before it is written: of two calls at a time one makes the run, and both count it.
    this.#records.set(name, record);
    try {
      await mkdir(this.directory(name), { mode: 0o700 });
      await this.#write(name, record);
      return true;
    } catch (error) {
      this.#records.delete(name);
      if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
      throw error;
    }
  }

  /**
   * Changes fields of a record.
   *
   * @returns false when the run was removed meanwhile.
   * @throws UserError as `requireMark`.
   */
  async change(name: string, changes: Partial<Pick<RunRecord, "queuedTime" | "ended">>): Promise<boolean> {
    return this.#inTurn(name, async () => {
      const found = this.#records.get(name);
      if (found === undefined) return false;
      await this.requireMark(name);
      const record = { ...found, ...changes };
      this.#records.set(name, record);
      await this.#write(name, record);
      return true;
    });
  }

  /**
   * Makes sure that a run's folder is still the one that the service made.
   *
   * @throws UserError when it was removed, or another took its place.
   */
  async requireMark(name: string): Promise<void> {
    const record = this.#records.get(name);
    if (record !== undefined && sameRun(await readRecord(this.directory(name)), record)) return;
    throw new UserError(
      `run: ${this.directory(name)} does not hold ${RECORD_FILE} of this run, expected the folder that the service made: ` +
        "bring it back, or delete the run",
    );
  }

  /**
   * Removes a run with all its files; a folder that took its place stays.
   *
   * @returns false when it was queued meanwhile, and is left as it is.
   * @throws UserError when a process directs the run.
   */
  async remove(name: string): Promise<boolean> {
    const gone = join(this.#removals, `${name}.${randomUUID()}`);
    const isRemoved = await this.#inTurn(name, () => this.#moveAway(name, gone));
    await rm(gone, { recursive: true, force: true });
    return isRemoved;
  }

  async #moveAway(name: string, gone: string): Promise<boolean> {
    const record = this.#records.get(name);
    if (record === undefined) return true;
    const isMarked = sameRun(await readRecord(this.directory(name)), record);
    if (isMarked && record.queuedTime !== null) return false;
    // From here on nothing else can be begun with it.
    this.#records.delete(name);
    if (!isMarked) return true;
    try {
      const hold = await takeHold(runPaths(this.directory(name)).hold);
      try {
        await makeFolder(this.#removals, 0o700);
        // One rename: a removal that is cut off leaves no half of a run.
        await rename(this.directory(name), gone);
      } catch (error) {
        await hold.release();
        throw error;
      }
    } catch (error) {
      this.#records.set(name, record);
      throw error;
    }
    return true;
  }

  /** Does something with a run's folder when what was begun before is done. */
  async #inTurn<T>(name: string, act: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(name) ?? Promise.resolve();
    const turn = before.then(act);
    const done = turn.then(
      () => undefined,
      () => undefined,
    );
    this.#turns.set(name, done);
    try {
      return await turn;
    } finally {
      if (this.#turns.get(name) === done) this.#turns.delete(name);
    }
  }

  /** Removes what removals that were cut off left. */
  async #sweep(log: (line: string) => void): Promise<void> {
    const names = await readdir(this.#removals).catch(() => []);
    for (const name of names.filter((each) => removed.test(each))) {
      await rm(join(this.#removals, name), { recursive: true, force: true });
    }
    const earlier = names.filter((name) => name.endsWith(".json")).length;
    if (earlier === 0) return;
    log(
      `${this.#removals} holds ${earlier} records of an earlier version, whose runs are not served: scpo status lists ` +
        "them, scpo resume resumes one; create those that never began again, and remove the records",
    );
  }

  async #write(name: string, record: RunRecord): Promise<void> {
    await writeAtomically(join(this.directory(name), RECORD_FILE), `${JSON.stringify(record, null, 2)}\n`);
  }
}

/** The record in a folder; null when there is none. */
async function readRecord(directory: string): Promise<RunRecord | null> {
  try {
    return JSON.parse(await readFile(join(directory, RECORD_FILE), "utf8")) as RunRecord;
  } catch (error) {
    if (error instanceof SyntaxError || ["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) {
      return null;
    }
    throw error;
  }
}

function sameRun(found: RunRecord | null, { owner, runId, createTime }: RunRecord): boolean {
  return found?.owner === owner && found.runId === runId && found.createTime === createTime;
}
