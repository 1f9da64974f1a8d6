import type { TrainerServiceClient } from "../generated/scpo/v1/trainer.js";
import { CAPTION_PROMPT } from "../scenes/caption.js";
import type { QuestionKind } from "../scenes/questions.js";

const CAPTION_TOKENS = 24;
const YES_NO_TOKENS = 4;

/** What is known of a scene: the truth that answers are measured against. */
export interface SceneTruth {
  id: string;
  /** Objects in the picture; one that is there twice may stand there twice. */
  objects: readonly string[];
  /** Yes/no questions about the picture. */
  questions: readonly string[];
  /** The true answers to `questions`, "Yes." or "No.". */
  answers: readonly string[];
  /** What each of `questions` asks for; left out, presence. */
  kinds?: readonly QuestionKind[];
}

/** What a model said about one scene. */
export interface SceneAnswer {
  caption: string;
  /** One text per question of the scene. */
  answers: string[];
}

/** Scenes as a file that the trainer reads, and their truth in the order of the file's rows. */
export interface SceneFile {
  scenesPath: string;
  /** Lower-case hex SHA-256 of the file. */
  sha256: string;
  scenes: readonly SceneTruth[];
}

/** How scenes are answered. */
export interface AnswerOptions {
  /** Prompts per generation batch; 0 leaves it to the trainer. @default 0 */
  batchSize?: number;
  /** Called as answers arrive, captions and yes/no answers counted together. */
  onProgress?: (done: number, total: number) => void;
  signal?: AbortSignal;
}

interface RowPrompt {
  row: number;
  text: string;
}

/**
 * Asks the loaded model for a caption and for the yes/no answers of every scene.
 *
 * @param client - A trainer with a loaded model.
 * @param file - Scenes; the column `image` of their file is shown.
 * @param options - Batch size, progress and cancellation.
 * @returns One answer per scene, in the order of `file.scenes`.
 * @throws Error when the trainer leaves a prompt unanswered or answers one twice.
 */
export async function answerScenes(
  client: Pick<TrainerServiceClient, "generate">,
  file: SceneFile,
  options: AnswerOptions = {},
): Promise<SceneAnswer[]> {
  const captions = file.scenes.map((_, row) => ({ row, text: CAPTION_PROMPT }));
  const questions = file.scenes.flatMap((scene, row) => scene.questions.map((text) => ({ row, text })));
  const total = captions.length + questions.length;
  const ask = (prompts: RowPrompt[], maxNewTokens: number, before: number): Promise<string[]> =>
    generate(client, file, prompts, maxNewTokens, options, (done) => options.onProgress?.(before + done, total));
  const captionTexts = await ask(captions, CAPTION_TOKENS, 0);
  const answerTexts = await ask(questions, YES_NO_TOKENS, captions.length);
  let next = 0;
  return file.scenes.map((scene, row) => {
    const first = next;
    next += scene.questions.length;
    return { caption: captionTexts[row] as string, answers: answerTexts.slice(first, next) };
  });
}

async function generate(
  client: Pick<TrainerServiceClient, "generate">,
  file: SceneFile,
  prompts: RowPrompt[],
  maxNewTokens: number,
  options: AnswerOptions,
  onDone: (done: number) => void,
): Promise<string[]> {
  if (prompts.length === 0) return [];
  const texts = new Array<string | undefined>(prompts.length);
  let answered = 0;
  const stream = client.generate(
    {
      dataset: { path: file.scenesPath, sha256: file.sha256 },
      imageColumn: "image",
      prompts,
      maxNewTokens,
      batchSize: options.batchSize ?? 0,
    },
    options.signal === undefined ? {} : { signal: options.signal },
  );
  for await (const { answers } of stream) {
    for (const { prompt, text } of answers) {
      if (prompt >= texts.length) throw new Error(`trainer answered prompt ${prompt} of ${texts.length}`);
      if (texts[prompt] !== undefined) throw new Error(`trainer answered prompt ${prompt} twice`);
      texts[prompt] = text;
      answered++;
    }
    onDone(answered);
  }
  return Array.from(texts, (text, prompt) => {
    if (text === undefined) throw new Error(`trainer left prompt ${prompt} of ${texts.length} unanswered`);
    return text;
  });
}
