import type { Answer, Change, Question } from "./ask.js";

/** A change that makes a training smaller. */
export interface Saving {
  /** As it stands in `run.yaml`, or on a command line. */
  readonly words: string;
  readonly change: Change;
}

const OF_ATTENTION_AND_MLP = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"];
const EIGHT_BITS: Readonly<Record<string, string>> = {
  adamw_torch: "adamw_8bit",
  adamw_torch_fused: "adamw_8bit",
  lion_32bit: "lion_8bit",
};
const SHARDS = [2, 4, 8];

/**
 * What would make a training smaller, what changes the result least first.
 *
 * @param question - The training.
 * @param answer - What it takes now.
 */
export function savings(question: Question, answer: Answer): Saving[] {
  const { settings, batch_size, accumulation, shards, gpu } = question;
  const found: Saving[] = [];
  const set = (words: string, changed: Question["settings"]) => found.push({ words, change: { settings: changed } });
  const off = settings["savings_off"];
  if (Array.isArray(off) && off.length > 0) set("training.savings_off: []", { savings_off: [] });
  if (!answer.model.gradient_checkpointing) {
    set("training.gradient_checkpointing: true", { gradient_checkpointing: true });
  }
  if (batch_size > 1) {
    found.push({
      words: `training.per_device_train_batch_size: 1, gradient_accumulation_steps: ${accumulation * batch_size}`,
      change: { batch_size: 1, accumulation: accumulation * batch_size },
    });
  }
  const optimiser = EIGHT_BITS[typeof settings["optim"] === "string" ? settings["optim"] : "adamw_torch"];
  // bitsandbytes needs a GPU.
  if (gpu && optimiser !== undefined) set(`training.optim: ${optimiser}`, { optim: optimiser });
  for (const number of SHARDS.filter((each) => each > shards && answer.model.trained > 1e6)) {
    found.push({
      words: `${number} GPUs that share the weights (FSDP, ZeRO 3)`,
      change: { shards: number, processes: number },
    });
  }
  if (settings["use_peft"] !== true) {
    set("training.use_peft: true (LoRA)", { use_peft: true, lora_target_modules: OF_ATTENTION_AND_MLP });
  }
  if (gpu && settings["load_in_4bit"] !== true) {
    const lora = settings["use_peft"] === true ? {} : { use_peft: true, lora_target_modules: OF_ATTENTION_AND_MLP };
    const words =
      settings["use_peft"] === true ? "training.load_in_4bit: true" : "training.use_peft, load_in_4bit: true";
    set(`${words} (QLoRA)`, { ...lora, load_in_4bit: true });
  }
  return found;
}

/** Two changes at once; of a field that both change, the later value counts. */
export function together(before: Change, after: Change): Change {
  return { ...before, ...after, settings: { ...before.settings, ...after.settings } };
}
