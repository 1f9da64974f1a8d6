import { mkdir, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { randomUUID } from "node:crypto";
import { writeAtomically } from "../files/write-atomically.js";
import { LOCAL_OWNER, type Owner } from "./tokens.js";

/** What the service knows of a run beside the run's own folder. */
export interface RunRecord {
  readonly owner: Owner;
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

const ending = ".json";

/** The records of all runs of a folder: in memory, and written through to `.service/` in it. */
export class RunRecords {
  readonly folder: string;
  readonly #own: string;
  readonly #records: Map<string, RunRecord>;

  private constructor(folder: string, records: Map<string, RunRecord>) {
    this.folder = folder;
    this.#own = ownFolder(folder);
    this.#records = records;
  }

  /** Reads the folder; runs that the command line started there are the local owner's. */
  static async open(folder: string): Promise<RunRecords> {
    const own = ownFolder(folder);
    await mkdir(own, { recursive: true });
    const records = new Map<string, RunRecord>();
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      if (!entry.isDirectory() || !(await readdir(join(folder, entry.name))).includes("run.yaml")) continue;
      records.set(entry.name, foreign);
    }
    for (const name of await readdir(own)) {
      const path = join(own, name);
      // The rest was left by a write or a removal that was cut off.
      if (!name.endsWith(ending)) await rm(path, { recursive: true, force: true });
      else records.set(name.slice(0, -ending.length), JSON.parse(await readFile(path, "utf8")) as RunRecord);
    }
    return new RunRecords(folder, records);
  }

  /** Where a run's files lie, once it has begun. */
  directory(id: string): string {
    return join(this.folder, id);
  }

  get(id: string): RunRecord | undefined {
    return this.#records.get(id);
  }

  /** Ids and records, in no order. */
  entries(): IterableIterator<[string, RunRecord]> {
    return this.#records.entries();
  }

  /** Adds a run; the caller has made sure that the id is free. */
  async add(id: string, record: RunRecord): Promise<void> {
    this.#records.set(id, record);
    try {
      await this.#write(id, record);
    } catch (error) {
      this.#records.delete(id);
      throw error;
    }
  }

  /** Changes fields of a record. */
  async change(id: string, changes: Partial<Pick<RunRecord, "queuedTime" | "ended">>): Promise<void> {
    const record = { ...(this.#records.get(id) as RunRecord), ...changes };
    this.#records.set(id, record);
    await this.#write(id, record);
  }

  /** Removes a run with all its files. */
  async remove(id: string): Promise<void> {
    const gone = join(this.#own, `${id}.${randomUUID()}`);
    // One rename: a removal that is cut off leaves no half of a run.
    await rename(this.directory(id), gone).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOENT") throw error;
    });
    await rm(join(this.#own, id + ending), { force: true });
    this.#records.delete(id);
    await rm(gone, { recursive: true, force: true });
  }

  async #write(id: string, record: RunRecord): Promise<void> {
    await writeAtomically(join(this.#own, id + ending), `${JSON.stringify(record, null, 2)}\n`);
  }
}

const ownFolder = (folder: string) => join(folder, ".service");

const foreign: RunRecord = {
  owner: LOCAL_OWNER,
  createTime: new Date(0).toISOString(),
  request: { id: "", digest: "" },
  settings: {},
  queuedTime: null,
  ended: null,
};
