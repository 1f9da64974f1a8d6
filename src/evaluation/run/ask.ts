import { ClientError, Status } from "nice-grpc";
import { UserError } from "../../errors.js";
import type { TrainerServiceClient } from "../../generated/scpo/v1/trainer.js";
import type { Prompt } from "../benchmark.js";
import type { Images } from "./images.js";
import type { PartialAnswers } from "./partial-answers.js";

/** What is asked, and how. */
export interface AskOptions {
  prompts: readonly Prompt[];
  images: Images;
  /** Longest answer, in tokens. */
  maxNewTokens: number;
  /** Questions a batch. */
  batchSize: number;
  /** Hears how many questions are answered. */
  onProgress?: (done: number, total: number) => void;
  signal?: AbortSignal;
}

/**
 * Asks the loaded model what is not answered yet, batch by batch; each batch is on the disk before the next is asked.
 * Batches are cut from all questions at the same places however often a run is interrupted, since the neighbours of a
 * question may change the last bits of its logits.
 *
 * @param client - A trainer with a loaded model.
 * @param partial - The answers so far; the new ones are added.
 * @throws Error when the trainer leaves a question unanswered.
 */
export async function askMissing(
  client: Pick<TrainerServiceClient, "generate">,
  partial: PartialAnswers,
  options: AskOptions,
): Promise<void> {
  const { prompts, batchSize, onProgress } = options;
  onProgress?.(partial.size, prompts.length);
  for (let first = 0; first < prompts.length; first += batchSize) {
    const batch = prompts.slice(first, first + batchSize);
    if (batch.every((_, at) => partial.get(first + at) !== undefined)) continue;
    const answers = await ask(client, batch, options);
    await partial.add(new Map([...answers].map(([at, answer]) => [first + at, answer])));
    onProgress?.(partial.size, prompts.length);
  }
}

async function ask(
  client: Pick<TrainerServiceClient, "generate">,
  batch: readonly Prompt[],
  { images, maxNewTokens, signal }: AskOptions,
): Promise<Map<number, string>> {
  signal?.throwIfAborted();
  const request = {
    ...images.table,
    prompts: batch.map(({ image, row, text }) =>
      images.table === undefined ? { text, imagePath: images.paths.get(image) ?? "" } : { text, row: row ?? 0 },
    ),
    maxNewTokens,
    batchSize: batch.length,
  };
  const answers = new Map<number, string>();
  try {
    for await (const response of client.generate(request, signal === undefined ? {} : { signal })) {
      for (const { prompt, text } of response.answers) answers.set(prompt, text);
    }
  } catch (error) {
    throw outOfMemory(error) ? tooLarge(batch.length) : error;
  }
  // In the order of the questions, whatever the order of the answers.
  return new Map(
    batch.map(({ id }, at) => {
      const answer = answers.get(at);
      if (answer === undefined) throw new Error(`the trainer left question ${String(id)} unanswered`);
      return [at, answer];
    }),
  );
}

function outOfMemory(error: unknown): boolean {
  return error instanceof ClientError && error.code === Status.INTERNAL && /out of memory/i.test(error.details);
}

function tooLarge(questions: number): UserError {
  return new UserError(
    `batch size: found ${questions}, for which the device has too little memory: choose a smaller --batch-size, ` +
      "and another --out where answers lie already",
  );
}
