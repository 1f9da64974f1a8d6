import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { UserError } from "../errors.js";
import { writeAtomically } from "../files/write-atomically.js";
import type { ChatAnswer, ChatSettings, Message } from "./http.js";
import { makeFolder } from "../files/writable.js";

/** All that an answer of a model depends on. The endpoint's address is no part of it: a server may move. */
export interface Question {
  readonly model: string;
  readonly settings: ChatSettings;
  readonly messages: readonly Message[];
  /** How often the same was asked before. */
  readonly again: number;
}

/**
 * Looks a question up.
 *
 * @param folder - Of the cache.
 * @param question - What was asked.
 * @returns The answer, or undefined where there is none or the entry is damaged.
 */
export async function cachedAnswer(folder: string, question: Question): Promise<ChatAnswer | undefined> {
  const identity = identityOf(question);
  try {
    const entry = JSON.parse(await readFile(entryPath(folder, identity), "utf8")) as {
      question?: unknown;
      answer?: Partial<ChatAnswer>;
    };
    const { content, model } = entry.answer ?? {};
    if (typeof content !== "string" || typeof model !== "string") return undefined;
    return JSON.stringify(entry.question) === identity ? { content, model } : undefined;
  } catch {
    // Missing or damaged: the model is asked (again) and the entry replaced.
    return undefined;
  }
}

/**
 * Keeps an answer.
 *
 * @param folder - Of the cache; made when missing.
 * @param question - What was asked.
 * @param answer - What the model said.
 * @throws UserError when the folder cannot be written.
 */
export async function keepAnswer(folder: string, question: Question, answer: ChatAnswer): Promise<void> {
  const identity = identityOf(question);
  const path = entryPath(folder, identity);
  try {
    await makeFolder(dirname(path));
    await writeAtomically(path, `{"question":${identity},"answer":${JSON.stringify(answer)}}\n`);
  } catch (cause) {
    throw new UserError(`${folder}: answers cannot be kept there (${(cause as Error).message}); name another folder`);
  }
}

function identityOf({ model, settings, messages, again }: Question): string {
  const sorted = Object.fromEntries(Object.entries(settings).sort(([a], [b]) => (a < b ? -1 : 1)));
  const turns = messages.map(({ role, content }) => ({ role, content }));
  return JSON.stringify({ model, settings: sorted, messages: turns, again });
}

function entryPath(folder: string, identity: string): string {
  const hash = createHash("sha256").update(identity).digest("hex");
  return join(folder, hash.slice(0, 2), `${hash}.json`);
}
