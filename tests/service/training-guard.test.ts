import { expect } from "chai";
import { operatorsSettings } from "../../src/service/training-guard.js";

describe("a client's settings of a training", () => {
  it("are its own to choose where they neither run code nor reach other places", () => {
    const training = {
      ...{
        learning_rate: 1e-4,
        use_peft: true,
        lora_r: 8,
        load_in_4bit: true,
        model_revision: "main",
        loss_type: "dpo",
      },
      ...{ trust_remote_code: false, attn_implementation: "sdpa", report_to: "none", bf16: true },
    };
    expect(operatorsSettings(training)).to.deep.equal([]);
    expect(operatorsSettings(undefined)).to.deep.equal([]);
  });

  it("are refused where they have code run, send figures away, read files, or are unknown", () => {
    const training = {
      ...{
        trust_remote_code: true,
        attn_implementation: "someone/kernel",
        report_to: ["wandb"],
        trackio_space_id: "a/b",
      },
      ...{ model_init_kwargs: { trust_remote_code: true }, torch_compile_backend: "a.b", constructor: 1, sparkle: 1 },
    };
    const found = operatorsSettings(training);
    expect(found.map(({ field }) => field)).to.have.members(
      Object.keys(training).map((name) => `settings.training.${name}`),
    );
    expect(found[1]?.description).to.equal(
      'is the operator\'s to choose; leave it out, or set one of "eager", "sdpa", "flash_attention_2", ' +
        '"flash_attention_3", "flex_attention"',
    );
  });
});
