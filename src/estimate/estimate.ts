import { askEstimate, type Answer, type Change, type Question } from "./ask.js";
import type { Card } from "./cards.js";
import { savings, together } from "./changes.js";
import { UserError } from "../errors.js";
import { effectiveBatch, OFFERED, plannedSteps, type RunPlan } from "../run/plan.js";

/** What a GPU keeps for its driver and for kernels. */
export const RESERVED = 2 ** 30;
/** Of what the training takes: what the allocator cannot use between its blocks. */
export const FRAGMENTED = 0.05;

/** What the estimate assumes. */
export interface EstimateRequest {
  readonly plan: RunPlan;
  /** How many processes train together. */
  readonly processes: number;
  /** Among how many of them weights, gradients and states of the optimiser are shared out. */
  readonly shards: number;
  /** What the training is estimated for; absent: the CPU. */
  readonly card?: Card;
  readonly efficiency: number;
  /** Of one GPU. */
  readonly pricePerHour?: number;
  /** Interpreter that is asked. */
  readonly python?: string;
  /** Say what could be changed although it fits. */
  readonly always?: boolean;
}

/** A change and what the training would take with it. */
export interface EstimatedChange {
  readonly words: string;
  /** Absent where it cannot be had; `error` says why. */
  readonly needed?: number;
  readonly fits?: boolean;
  readonly error?: string;
}

/** What a run takes. */
export interface Estimate {
  readonly answer: Answer;
  readonly card?: Card;
  /** Bytes of one GPU, with what the driver and the allocator take; on the CPU those of the training alone. */
  readonly needed: number;
  /** Absent without a card. */
  readonly fits?: boolean;
  readonly steps: number;
  readonly processes: number;
  readonly shards: number;
  /** Absent without a card. */
  readonly time?: {
    readonly secondsPerStep: number;
    readonly tableHours: number;
    readonly hours: number;
    readonly cost?: number;
  };
  /** Each change alone. */
  readonly changes: readonly EstimatedChange[];
  /** Changes one on top of the other until the training fits; empty where one alone is enough, or nothing is. */
  readonly together: readonly EstimatedChange[];
}

/**
 * Estimates what a run takes, by having Python count one of its steps.
 *
 * @param request - The run's plan, and the card.
 * @throws UserError when the training cannot be counted.
 */
export async function estimate(request: EstimateRequest): Promise<Estimate> {
  const { plan, card, processes, shards, python } = request;
  const question = questionOf(request);
  const { answer } = await askEstimate(question, [], python);
  const needed = neededOf(answer, card);
  const fits = card === undefined ? undefined : needed <= card.memory;
  const steps = plan.stages.reduce((sum, stage) => sum + plannedSteps(plan, stage), 0);
  const wanted = fits === false || request.always === true ? savings(question, answer) : [];
  const alone = await asked(question, wanted, card, python);
  const smaller = wanted.filter((_, at) => (alone[at]?.needed ?? Infinity) < needed);
  const isEnough = alone.some((change) => change.fits === true);
  const ladder = smaller.map(({ words }, at) => ({
    words: at === 0 ? words : `and ${words}`,
    change: smaller.slice(0, at + 1).reduce((before, { change }) => together(before, change), {} as Change),
  }));
  const climbed = fits === false && !isEnough ? await asked(question, ladder.slice(1), card, python) : [];
  const reached = climbed.findIndex((change) => change.fits === true);
  return {
    answer,
    ...(card === undefined ? {} : { card, time: timeOf(request, answer, card, steps) }),
    needed,
    ...(fits === undefined ? {} : { fits }),
    steps,
    processes,
    shards,
    changes: alone,
    together: climbed.slice(0, reached + 1 || undefined),
  };
}

/** What Python is asked about a plan. */
export function questionOf({ plan, processes, shards, card }: EstimateRequest): Question {
  if (plan.model === OFFERED || plan.dataset.path === OFFERED) {
    throw new UserError("estimate: the run leaves model or pairs to a training that dials: name model and data.pairs");
  }
  const stages = plan.stages.map(({ losses }) => JSON.stringify(losses));
  return {
    model: plan.model,
    pairs: plan.dataset.path,
    settings: plan.training,
    losses: [...new Set(stages)].map((losses) => JSON.parse(losses) as Question["losses"][number]),
    batch_size: plan.batchSize / processes,
    accumulation: plan.gradientAccumulationSteps,
    processes,
    shards,
    gpu: card !== undefined,
    rows: new Set(plan.stages.flatMap(({ pairs }) => pairs)).size,
    work: true,
  };
}

async function asked(
  question: Question,
  wanted: readonly { words: string; change: Change }[],
  card: Card | undefined,
  python: string | undefined,
): Promise<EstimatedChange[]> {
  if (wanted.length === 0) return [];
  const { changed } = await askEstimate(
    { ...question, work: false },
    wanted.map(({ change }) => change),
    python,
  );
  return wanted.map(({ words }, at): EstimatedChange => {
    const answer = changed[at];
    if (answer === undefined || "error" in answer) return { words, error: answer?.error ?? "no answer" };
    const needed = neededOf(answer, card);
    return { words, needed, ...(card === undefined ? {} : { fits: needed <= card.memory }) };
  });
}

function neededOf({ memory }: Answer, card: Card | undefined): number {
  return card === undefined ? memory.total : Math.ceil(memory.total * (1 + FRAGMENTED)) + RESERVED;
}

function timeOf(request: EstimateRequest, answer: Answer, card: Card, steps: number): NonNullable<Estimate["time"]> {
  const { plan, processes, efficiency, pricePerHour } = request;
  const work = answer.work ?? { pass: 0, score: 0 };
  const isFloat32 = (answer.model.autocast_dtype || answer.model.weights_dtype) === "float32";
  const perSecond = card.flops[isFloat32 ? "float32" : "bfloat16"] * efficiency;
  const secondsPerStep = (work.pass * plan.gradientAccumulationSteps) / perSecond;
  const tables = plan.stages.reduce((sum, { pairs, heldOut }) => sum + new Set([...pairs, ...(heldOut ?? [])]).size, 0);
  const passes = (tables / effectiveBatch(plan)) * plan.gradientAccumulationSteps;
  const tableHours = (work.score * passes) / perSecond / 3600;
  const hours = (secondsPerStep * steps) / 3600 + tableHours;
  return {
    secondsPerStep,
    tableHours,
    hours,
    ...(pricePerHour === undefined ? {} : { cost: hours * pricePerHour * processes }),
  };
}
