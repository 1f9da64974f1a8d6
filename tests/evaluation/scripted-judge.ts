import { expect } from "chai";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { UserError } from "../../src/errors.js";
import type { Benchmark } from "../../src/evaluation/benchmark.js";
import type { Judge, JudgeSettings, Message } from "../../src/evaluation/judge.js";
import { score, type ScoreRequest } from "../../src/evaluation/score.js";

/** A judge that answers from the test, and notes what it was asked. */
export interface ScriptedJudge extends Judge {
  asked: { messages: readonly Message[]; settings: JudgeSettings; again: number }[];
}

/** @param reply - The judge's answer to the last turn. */
export function scriptedJudge(reply: (text: string, again: number) => string): ScriptedJudge {
  const asked: ScriptedJudge["asked"] = [];
  return {
    name: "scripted",
    concurrency: 3,
    asked,
    settings: (official) => official,
    async ask(messages, settings, again = 0) {
      asked.push({ messages, settings, again });
      // Later questions overtake earlier ones, as they do over a network.
      await new Promise((resolve) => setTimeout(resolve, asked.length % 3));
      return { content: reply((messages.at(-1) as Message).content, again), model: "scripted-1" };
    },
  };
}

/** A folder of files, made for a test. */
export interface Files {
  folder: string;
  /** Scores answers against the files. */
  score(answers: unknown, request?: Partial<ScoreRequest>): ReturnType<typeof score>;
  /** The message of the UserError that scoring ends with. */
  complaint(answers: unknown, request?: Partial<ScoreRequest>): Promise<string>;
  remove(): Promise<void>;
}

/**
 * Writes annotations.
 *
 * @param benchmark - Whose they are.
 * @param files - Content by path; what is no text is written as JSON.
 */
export async function annotated(benchmark: Benchmark, files: Readonly<Record<string, unknown>>): Promise<Files> {
  const folder = await mkdtemp(join(tmpdir(), "scpo-benchmark-"));
  const annotations = join(folder, "annotations");
  await mkdir(annotations);
  for (const [path, content] of Object.entries(files)) await put(join(annotations, path), content);
  const scoreIt: Files["score"] = async (answers, request = {}) => {
    const path = join(folder, "answers.json");
    await put(path, answers);
    return score({ benchmark, annotations, answers: path, ...request });
  };
  return {
    folder: annotations,
    score: scoreIt,
    async complaint(answers, request) {
      const error = await scoreIt(answers, request).then(
        () => expect.fail("nothing was wrong"),
        (cause: unknown) => cause,
      );
      expect(error).to.be.instanceOf(UserError);
      expect((error as Error).message).to.not.include("\n");
      return (error as Error).message;
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

async function put(path: string, content: unknown): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const raw = typeof content === "string" || content instanceof Uint8Array;
  await writeFile(path, raw ? content : JSON.stringify(content));
}
