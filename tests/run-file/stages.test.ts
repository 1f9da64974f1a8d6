import { expect } from "chai";
import fc from "fast-check";
import type { ReferenceAtOpen } from "../../src/reference/reference.js";
import { inheritStages, type StageSettings } from "../../src/run-file/stages.js";

const rates = fc.constantFrom(1e-3, 1e-4, 1e-5);
const losses = fc.constantFrom("scpo", "dpo");
const parameters = fc.dictionary(fc.constantFrom("beta", "anchor"), fc.constantFrom(0.1, 0.5, 1));
const stage = fc.record(
  {
    name: fc.constantFrom("own"),
    objective: fc.record({ loss: losses, parameters }, { requiredKeys: [] }),
    optimiser: fc.record({ learning_rate: rates, warmup_share: fc.constantFrom(0, 0.5) }, { requiredKeys: [] }),
    reference: fc.constantFrom<ReferenceAtOpen>("policy", "keep", "initial"),
  },
  { requiredKeys: [] },
);
const run = fc.record({
  objective: fc.record({ loss: losses, parameters }),
  optimiser: fc.record({
    learning_rate: rates,
    schedule: fc.constant("cosine" as const),
    warmup_share: fc.constant(0.1),
    weight_decay: fc.constant(0),
    max_grad_norm: fc.constant(1),
    batch_size: fc.constant(1),
    gradient_accumulation_steps: fc.constant(1),
    frozen_prefixes: fc.constant<string[]>([]),
  }),
  stages: fc.array(stage, { maxLength: 3 }),
});
const names = ["easy", "medium", "hard"].map((name) => ({ name, reference: "policy" as const }));
const settingsOf = (found: { settings: StageSettings }[]) => found.map(({ settings }) => settings);

describe("stages of a run", () => {
  it("take over what they do not say, from the stage before", () => {
    const [easy, medium, hard] = inheritStages(
      {
        objective: { loss: "scpo", parameters: { anchor: 1 } },
        optimiser: {
          ...{ learning_rate: 1e-3, schedule: "cosine", warmup_share: 0.1, weight_decay: 0, max_grad_norm: 1 },
          ...{ batch_size: 1, gradient_accumulation_steps: 1, frozen_prefixes: [] },
        },
        stages: [{}, { optimiser: { learning_rate: 1e-4 }, objective: { parameters: { beta: 0.5 } } }],
      },
      names,
    );
    expect(easy?.changed).to.deep.equal([]);
    expect(medium?.changed).to.deep.equal([
      { field: "objective.parameters.beta", to: 0.5 },
      { field: "optimiser.learning_rate", from: 1e-3, to: 1e-4 },
    ]);
    expect(medium?.settings.objective).to.deep.equal({ loss: "scpo", parameters: { anchor: 1, beta: 0.5 } });
    expect(hard?.settings).to.deep.include({ ...medium?.settings, name: "hard" });
    expect(hard?.inherited.map(({ field }) => field)).to.include("optimiser.learning_rate");
  });

  it("do not carry parameters over to another loss", () => {
    fc.assert(
      fc.property(run, (settings) => {
        const found = settingsOf(inheritStages(settings, names));
        for (const [at, { objective }] of found.entries()) {
          const before = at === 0 ? settings.objective : found[at - 1]?.objective;
          if (objective.loss === before?.loss) continue;
          expect(objective.parameters).to.deep.equal(settings.stages[at]?.objective?.parameters ?? {});
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
});
