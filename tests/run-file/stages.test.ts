import { expect } from "chai";
import fc from "fast-check";
import type { ReferenceAtOpen } from "../../src/reference/reference.js";
import { inheritStages, lossesOf, type StageSettings } from "../../src/run-file/stages.js";
import type { TrainingSettings } from "../../src/run-file/training-schema.js";

const rates = fc.constantFrom(1e-3, 1e-4, 1e-5);
const lossTypes = fc.constantFrom<string[]>(["scpo"], ["dpo"], ["sigmoid"], ["scpo", "sft"]);
const flat = fc.dictionary(fc.constantFrom("beta", "anchor"), fc.constantFrom(0.1, 0.5, 1));
const byLoss = fc.dictionary(fc.constantFrom("scpo", "sft"), flat);
const changes = {
  learning_rate: rates,
  warmup_steps: fc.constantFrom(0, 0.5, 3),
  loss_weights: fc.constantFrom(null, [2, 1]),
  beta: fc.constantFrom(0.2, 0.3),
};
const losses = lossTypes.chain((loss_type) =>
  fc.record({
    loss_type: fc.constant(loss_type),
    loss_parameters: loss_type.length === 1 ? flat : byLoss,
  }),
);
const stage = fc
  .tuple(
    fc.record(
      {
        name: fc.constant("own"),
        reference: fc.constantFrom<ReferenceAtOpen>("policy", "keep", "initial"),
        ...changes,
      },
      { requiredKeys: [] },
    ),
    fc.oneof(losses, fc.constant({})),
  )
  .map(([own, objective]) => ({ ...own, ...objective }));
const training = fc
  .tuple(fc.record(changes, { requiredKeys: ["learning_rate", "warmup_steps"] }), losses)
  .map(([own, objective]): TrainingSettings => {
    const rest = {
      lr_scheduler_type: "cosine" as const,
      per_device_train_batch_size: 1,
      gradient_accumulation_steps: 1,
    };
    return { ...rest, seed: 1, ...own, ...objective };
  });
const run = fc.record({ training, stages: fc.array(stage, { maxLength: 3 }) });
const names = ["easy", "medium", "hard"].map((name) => ({ name, reference: "policy" as const }));
const settingsOf = (found: { settings: StageSettings }[]) => found.map(({ settings }) => settings);

const plain: TrainingSettings = {
  learning_rate: 1e-3,
  lr_scheduler_type: "cosine",
  warmup_steps: 0.1,
  per_device_train_batch_size: 1,
  gradient_accumulation_steps: 1,
  seed: 1,
  loss_type: ["scpo"],
  loss_parameters: { anchor: 1 },
};

describe("stages of a run", () => {
  it("take over what they do not say, from the stage before", () => {
    const [easy, medium, hard] = inheritStages(
      { training: plain, stages: [{}, { learning_rate: 1e-4, loss_parameters: { beta: 0.5 } }] },
      names,
    );
    expect(easy?.changed).to.deep.equal([]);
    expect(medium?.changed).to.deep.equal([
      { field: "learning_rate", from: 1e-3, to: 1e-4 },
      { field: "loss_parameters.scpo.beta", to: 0.5 },
    ]);
    expect(medium?.settings.loss_parameters).to.deep.equal({ scpo: { anchor: 1, beta: 0.5 } });
    expect(hard?.settings).to.deep.include({ ...medium?.settings, name: "hard" });
    expect(hard?.inherited.map(({ field }) => field)).to.include("learning_rate");
  });

  it("do not carry parameters over to another loss", () => {
    fc.assert(
      fc.property(run, (settings) => {
        const found = settingsOf(inheritStages(settings, names));
        for (const [at, { loss_type, loss_parameters }] of found.entries()) {
          expect(Object.keys(loss_parameters)).to.deep.equal(loss_type);
          const before = found[at - 1]?.loss_type;
          for (const loss of loss_type) {
            if (before === undefined || before.includes(loss)) continue;
            const given = (settings.stages[at] as Partial<TrainingSettings>).loss_parameters as Record<string, unknown>;
            expect(loss_parameters[loss]).to.deep.equal(loss_type.length === 1 ? given : (given[loss] ?? {}));
          }
        }
      }),
    );
  });

  it("are the same again when their resolved form is read", () => {
    fc.assert(
      fc.property(run, (settings) => {
        const once = settingsOf(inheritStages(settings, names));
        const again = inheritStages({ ...settings, stages: once }, names);
        expect(settingsOf(again)).to.deep.equal(once);
      }),
    );
  });

  it("write a beta of their own into the losses that read it, and leave the run's to the trainer", () => {
    const mixture = { ...plain, beta: 0.2, loss_type: ["scpo", "sft"], loss_weights: [1, 0.5], loss_parameters: null };
    const settings = { training: mixture, stages: [{}, { beta: 0.4, loss_parameters: { scpo: { beta_mirror: 1 } } }] };
    const [easy, medium] = settingsOf(inheritStages(settings, names));
    expect(lossesOf(easy as StageSettings, 0.2)).to.deep.equal([
      { name: "scpo", weight: 1, parameters: {} },
      { name: "sft", weight: 0.5, parameters: {} },
    ]);
    expect(lossesOf(medium as StageSettings, 0.2)).to.deep.equal([
      { name: "scpo", weight: 1, parameters: { beta: 0.4, beta_mirror: 1 } },
      { name: "sft", weight: 0.5, parameters: {} },
    ]);
  });
});
