import { stat } from "node:fs/promises";
import { z } from "zod";
import { UserError } from "../errors.js";
import { DamagedLineError, JsonlWriter, readJsonl } from "../files/jsonl.js";
import { type Verdict, VERDICTS } from "./wire.js";

/** A line of a decisions file. */
export interface Decision {
  /** The pair's. */
  readonly id: string;
  readonly decision: Verdict;
  /** The new stage; only with the decision `stage`. */
  readonly stage?: number | undefined;
  /** When it was made, ISO 8601. */
  readonly at: string;
  /** What the pair said and showed then: `contentKey` of it. */
  readonly fingerprint: string;
}

const DECISION: z.ZodType<Decision> = z
  .object({
    id: z.string(),
    decision: z.enum(VERDICTS),
    stage: z.int().min(0).optional(),
    at: z.string(),
    fingerprint: z.string().min(1),
  })
  .refine(({ decision, stage }) => (decision === "stage") === (stage !== undefined), "stage goes with decision stage");

/** Where the decisions about a pairs file are, unless another place is named. */
export function decisionsPathOf(pairs: string): string {
  return `${pairs}.decisions.jsonl`;
}

/**
 * Reads a decisions file; the last line about a pair counts, a torn last line, left by a process that was killed, does
 * not.
 *
 * @param path - JSON lines of {@link Decision}; none when the file is missing.
 * @returns Decisions by id, without those that were taken back.
 * @throws UserError that names the line which is no decision.
 */
export async function readDecisions(path: string): Promise<Map<string, Decision>> {
  const decisions = new Map<string, Decision>();
  let number = 0;
  try {
    for await (const line of readJsonl(path)) {
      number += 1;
      const read = DECISION.safeParse(line);
      if (!read.success) {
        const [issue] = read.error.issues;
        throw new UserError(
          `${path}, decision ${number}: ${[...(issue?.path ?? []), issue?.message].join(": ")}; ` +
            "expected id, decision (accept, reject, stage or undecided), stage with decision stage, at and " +
            "fingerprint: mend or remove the line",
        );
      }
      const { data } = read;
      decisions.delete(data.id);
      if (data.decision !== "undecided") decisions.set(data.id, data);
    }
  } catch (error) {
    if (error instanceof DamagedLineError) {
      throw new UserError(`${path}, line ${error.line}: is no JSON, expected a decision: mend or remove the line`);
    }
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  return decisions;
}

/** A decisions file to which a reviewer adds; a decision is on the disk before the next is taken. */
export class DecisionsFile {
  readonly path: string;
  readonly #decisions: Map<string, Decision>;
  #writer: JsonlWriter | null = null;
  #size = 0;
  #last: Promise<void> = Promise.resolve();

  private constructor(path: string, decisions: Map<string, Decision>) {
    this.path = path;
    this.#decisions = decisions;
  }

  /** Reads what was decided; the file is made, or its torn last line cut off, with the first decision. */
  static async open(path: string): Promise<DecisionsFile> {
    const file = new DecisionsFile(path, await readDecisions(path));
    file.#size = await sizeOf(path);
    return file;
  }

  /** Decisions in force, by id. */
  get decisions(): ReadonlyMap<string, Decision> {
    return this.#decisions;
  }

  /**
   * Adds a decision; resolves when the disk has it.
   *
   * @throws UserError when somebody else wrote the file meanwhile, or the disk is full.
   */
  add(decision: Decision): Promise<void> {
    const added = this.#last.then(() => this.#append(decision));
    this.#last = added.catch(() => undefined);
    return added;
  }

  async #append(decision: Decision): Promise<void> {
    if ((await sizeOf(this.path)) !== this.#size) {
      throw new UserError(`${this.path}: was written elsewhere since it was opened: end this view and start it again`);
    }
    this.#writer ??= await openWriter(this.path);
    await this.#writer.append(decision);
    this.#size = await sizeOf(this.path);
    this.#decisions.delete(decision.id);
    if (decision.decision !== "undecided") this.#decisions.set(decision.id, decision);
  }

  /** Waits for what was added and closes the file. */
  async close(): Promise<void> {
    await this.#last;
    await this.#writer?.close();
  }
}

async function openWriter(path: string): Promise<JsonlWriter> {
  try {
    return await JsonlWriter.open(path, { sync: true });
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`${path}: cannot be written (${(error as Error).message}): make the folder writable`);
  }
}

async function sizeOf(path: string): Promise<number> {
  const found = await stat(path).catch(() => null);
  return found?.size ?? 0;
}
