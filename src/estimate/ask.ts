import { askPython } from "../backend/ask-python.js";
import { findPython } from "../backend/python.js";
import { UserError } from "../errors.js";
import type { JsonValue, WeightedLoss } from "../run/plan.js";

/** What is asked about a training; Python's `scpo_trl.estimate.question` describes the fields. */
export interface Question {
  readonly model: string;
  readonly pairs: string;
  readonly settings: Readonly<Record<string, JsonValue>>;
  readonly losses: readonly (readonly WeightedLoss[])[];
  readonly batch_size: number;
  readonly accumulation: number;
  readonly processes: number;
  readonly shards: number;
  readonly gpu: boolean;
  readonly rows: number;
  /** Whether operations are counted beside memory. */
  readonly work: boolean;
}

/** Other values of a question; settings are added to those that are there. */
export type Change = Partial<Question>;

/** What a training takes, in bytes and floating-point operations. */
export interface Answer {
  readonly model: {
    readonly architecture: string;
    readonly parameters: number;
    readonly trained: number;
    readonly stored_dtype: string;
    readonly weights_dtype: string;
    /** Empty: as the weights. */
    readonly autocast_dtype: string;
    readonly gradient_checkpointing: boolean;
    readonly savings: string;
  };
  /** Of one GPU, by part, at the moment that takes most. */
  readonly memory: {
    readonly parts: Readonly<Record<string, number>>;
    readonly total: number;
    readonly moment: string;
  };
  /** In the host's memory, by part. */
  readonly host: Readonly<Record<string, number>>;
  /** Of a forward and backward pass in one process, and of a pass that scores its pairs alone; absent where not asked. */
  readonly work?: { readonly pass: number; readonly score: number };
  readonly tokens: { readonly longest: number; readonly looked_at: number; readonly rows: number };
}

/**
 * Has Python count what a training takes; no weights are loaded, and no GPU is needed.
 *
 * @param question - The training.
 * @param changes - What is asked besides: the same training with other values.
 * @param asked - Path of an interpreter; left out: the default one.
 * @returns The training's answer, and that of each change, or why there is none.
 * @throws UserError when the training itself cannot be counted.
 */
export async function askEstimate(
  question: Question,
  changes: readonly Change[] = [],
  asked?: string,
): Promise<{ answer: Answer; changed: readonly (Answer | { error: string })[] }> {
  const python = findPython(asked);
  const said = await askPython(python, ["scpo_trl.estimate"], { ...question, changes });
  if ("failure" in said) {
    throw new UserError(`estimate: ${python} could not count the training: ${said.failure}; scpo doctor looks at it`);
  }
  const [answer, ...changed] = said.answer as (Answer | { error: string })[];
  if (answer === undefined || "error" in answer) throw new UserError(answer?.error ?? "estimate: no answer");
  return { answer, changed };
}
