import { expect } from "chai";
import fc from "fast-check";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { UserError } from "../../src/errors.js";
import { EMBEDDED_MODEL_FOLDER, PACKAGE_ROOT, packageVersion } from "../../src/package-root.js";
import { settingsTable } from "../../src/run-file/settings-table.js";
import { trainingJsonSchema } from "../../src/run-file/training-schema.js";
import { SCENES } from "../../src/study/data-files.js";
import { readRecipe } from "../../src/study/recipe.js";
import { runSchemaText, schemaAt } from "../../src/run-file/json-schema.js";
import { fieldName } from "../../src/run-file/position.js";
import { SettingsError } from "../../src/run-file/problems.js";
import { checkRunSettings, readRunFile } from "../../src/run-file/read.js";

/** Fields of run.yaml, as a sentence names them. */
const FIELDS = /\b(?:data|curriculum|stages\[\]|reference|checkpoints|backend|evaluation)\.[a-z_]+/g;

type Path = (string | number)[];

/** Every path of a value, the whole and containers included. */
function paths(value: unknown, path: Path = []): Path[] {
  const inner = Array.isArray(value)
    ? value.flatMap((item, at) => paths(item, [...path, at]))
    : value !== null && typeof value === "object"
      ? Object.entries(value).flatMap(([name, item]) => paths(item, [...path, name]))
      : [];
  return [path, ...inner];
}

function replaced(value: unknown, path: Path, replacement: unknown): unknown {
  const [first, ...rest] = path;
  if (first === undefined) return replacement;
  const inner = replaced((value as Record<Path[number], unknown>)[first], rest, replacement);
  return Array.isArray(value) ? value.with(Number(first), inner) : { ...(value as object), [first]: inner };
}

/** Whether a name is a loss's or a keyword of a library's, which no schema describes. */
function isOwn(path: Path): boolean {
  return path.slice(0, -1).some((part) => /_(parameters|kwargs)$/.test(String(part)));
}

describe("run.yaml", () => {
  let folder: string;
  let full: Record<string, unknown>;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), "scpo-run-file-"));
    writeFileSync(join(folder, "pairs.parquet"), "");
    full = {
      id: "all-fields",
      model: EMBEDDED_MODEL_FOLDER,
      data: { pairs: "pairs.parquet", sha256: "0".repeat(64) },
      training: {
        learning_rate: 1e-4,
        lr_scheduler_type: "linear",
        warmup_steps: 0.2,
        weight_decay: 0.1,
        max_grad_norm: 2,
        per_device_train_batch_size: 4,
        gradient_accumulation_steps: 2,
        seed: 3,
        loss_type: ["scpo", "sft"],
        loss_weights: [1, 0.5],
        loss_parameters: { scpo: { beta: 0.2, anchor: 1 } },
        beta: 0.2,
        frozen_prefixes: ["model.vision_tower"],
        bf16: true,
        max_length: null,
        optim: "adamw_torch",
        gradient_checkpointing: true,
        gradient_checkpointing_kwargs: { use_reentrant: false },
        use_peft: true,
        lora_target_modules: "all-linear",
        dtype: "bfloat16",
        report_to: ["tensorboard"],
      },
      curriculum: { policy: "staged", order: "hard-to-easy", stages: 3, epochs: 2 },
      stages: [
        { name: "first", loss_type: "dpo", loss_parameters: { beta: 0.3 } },
        {
          ...{ learning_rate: 1e-5, lr_scheduler_type: "constant", warmup_steps: 0, reference: "keep" },
          ...{ loss_type: ["dpo", "sft"], loss_weights: [1, 2], beta: 0.1 },
        },
      ],
      reference: { policy: "every-n-steps", steps: 5, alpha: 0.5 },
      checkpoints: { every_steps: 10, keep: 1 },
      restarts: { limit: 1, first_delay_seconds: 0.5, silence_minutes: 10 },
      backend: { kind: "embedded", threads: 1, python: process.execPath },
      evaluation: {
        when: "each-stage",
        scenes: "pairs.parquet",
        benchmarks: [
          {
            benchmark: "pope",
            annotations: ".",
            images: ".",
            mode: "strict",
            max_new_tokens: 8,
            batch_size: 2,
            sample: 5,
          },
        ],
      },
      reporting: { page: false, telemetry: false },
    };
  });

  after(() => rmSync(folder, { recursive: true, force: true }));

  async function read(text: string): Promise<unknown> {
    const path = join(folder, "run.yaml");
    writeFileSync(path, text);
    return readRunFile(path).catch((error: unknown) => error);
  }

  async function problems(text: string): Promise<SettingsError["problems"]> {
    const error = await read(text);
    expect(error).to.be.instanceOf(SettingsError);
    expect(error).to.include({ code: "SCPO_SETTINGS" });
    return (error as SettingsError).problems;
  }

  it("shows numbers that are none as YAML writes them", async () => {
    const path = join(folder, "no-number.yaml");
    await writeFile(path, stringify({ ...full, training: { learning_rate: NaN, weight_decay: -Infinity } }));
    const error = await readRunFile(path).catch((cause: unknown) => cause as SettingsError);
    expect(
      (error as SettingsError).problems.map(({ field, description }) => `${field}: ${description}`),
    ).to.include.members([
      "training.learning_rate: found .nan, expected a number",
      "training.weight_decay: found -.inf, expected a number",
    ]);
  });

  it("takes every field, and makes paths absolute from the file's folder", async () => {
    const found = await read(stringify(full));
    expect(found).to.have.nested.property("settings.data.pairs", join(folder, "pairs.parquet"));
    expect(found).to.have.nested.property("settings.evaluation.benchmarks[0].images", folder);
    expect(found).to.have.nested.property("settings.training.per_device_train_batch_size", 4);
  });

  it("names the field and its line for a wrong value anywhere", async () => {
    // A value of a kind that no field takes: a mapping in a list.
    const wrong = [{ wrong: 1 }];
    const where = paths(full).filter((path) => path.length > 0 && !path.includes("use_reentrant"));
    expect(where.length).to.be.greaterThan(60);
    for (const path of where) {
      const text = stringify(replaced(full, path, wrong));
      const found = await problems(text);
      const field = fieldName(path);
      const own = found.filter((problem) => problem.field === field || problem.field.startsWith(`${field}[`));
      expect(own, field).not.to.deep.equal([]);
      const line = text.split("\n")[(own[0]?.position?.line ?? 0) - 1];
      expect(line, field).to.match(/wrong: 1/);
    }
  });

  it("tells all mistakes at once, however they are combined", async () => {
    const mistakes: Path[] = [
      ["training", "seed"],
      ["training", "per_device_train_batch_size"],
      ["reference", "alpha"],
      ["checkpoints", "keep"],
    ];
    await fc.assert(
      fc.asyncProperty(fc.subarray(mistakes, { minLength: 1 }), async (chosen) => {
        const settings = chosen.reduce<unknown>((before, path) => replaced(before, path, -1), full);
        const found = await problems(stringify(settings));
        expect(found.map(({ field }) => field)).to.have.members(chosen.map(fieldName));
      }),
      { numRuns: 15 },
    );
  });

  it("points at unknown names, missing fields and missing files", async () => {
    const found = await problems(
      "modle: embedded\ndata:\n  pairs: nowhere.parquet\ntraining: {seed: one}\nreference: {policy: kl-bound}\n",
    );
    expect(found.map(({ field, position }) => [field, position])).to.deep.equal([
      ["model", { line: 1, column: 1 }],
      ["modle", { line: 1, column: 1 }],
      ["data.pairs", { line: 3, column: 10 }],
      ["training.seed", { line: 4, column: 18 }],
      ["reference.bound", { line: 5, column: 12 }],
    ]);
    const text = found.map(({ description }) => description).join("\n");
    expect(text).to.match(/there is no such field, expected of run.yaml: .*model/);
    expect(text).to.match(/is missing, expected a number \(Drift from the reference/);
    expect(text).to.match(/found "nowhere.parquet", expected an existing file/);
  });

  it("points at losses and parameters that the trainer does not know, before one is started", async () => {
    const settings = {
      ...full,
      training: { loss_type: "spco", loss_parameters: { betta: 1 } },
      stages: [
        {},
        { loss_type: "dpo", loss_parameters: { beta: 0.2, anchor: 1 } },
        { loss_parameters: { gamma: 1, dpo: { both_directions: 1 }, scpo: {} } },
        { loss_type: ["toString", "sigmoid"], loss_parameters: { beta: 1, sigmoid: { gamma: 1 } } },
        { loss_type: ["dpo", "sft"], loss_weights: [1] },
        { loss_type: ["dpo", "sigmoid"] },
      ],
    };
    const found = await problems(stringify(settings));
    const known =
      "aot, aot_unpaired, apo_down, apo_zero, bco_pair, chip, discopop, dpo, exo_pair, hinge, ipo, mdpo, nca_pair, rdpo, " +
      "robust, s-vco, scpo, sft, sigmoid_norm, sppo_hard, symmpo";
    expect(found.map(({ field, description }) => `${field}: ${description}`)).to.deep.equal([
      `training.loss_type: found "spco", expected one of ${known}`,
      "stages[1].loss_parameters.anchor: the loss has no such parameter, expected of dpo: beta, both_directions",
      "stages[2].loss_parameters.gamma: the loss has no such parameter, expected of dpo: beta, both_directions",
      "stages[2].loss_parameters.scpo: expected its parameters, or the name of a loss of loss_type: dpo",
      `stages[3].loss_type[0]: found "toString", expected one of ${known}`,
      "stages[3].loss_parameters.beta: expected the name of a loss of loss_type: toString, dpo",
      "stages[3].loss_parameters.sigmoid.gamma: the loss has no such parameter, expected of dpo: beta, both_directions",
      "stages[4].loss_weights: found 1, expected 2: one for each loss of loss_type",
      "stages[5].loss_type: names dpo twice, expected each loss once",
    ]);
    expect(found[0]?.position?.line).to.be.greaterThan(1);
    // What loss is meant where none is named is the schema's default.
    const unnamed = await problems(stringify({ ...full, training: { loss_parameters: { betta: 1 } }, stages: [] }));
    expect(unnamed.map(({ field }) => field)).to.deep.equal(["training.loss_parameters.betta"]);
    // A service elsewhere may know others.
    const remote = { ...settings, stages: [], backend: { kind: "remote", address: "localhost:5000" } };
    expect(await read(stringify(remote))).to.have.nested.property("settings.training.loss_type", "spco");
  });

  it("checks the training by the schema that Python exports, and says who decides about the rest", async () => {
    const training = {
      ...{ lora_r: 1.5, dtype: "float64", bf16: "yes", lora_target_modules: [1], optim: "adam" },
      ...{ loss_parameters: { beta: "low" }, save_steps: 5, output_dir: "out", stages: 3, label_smoothing: 0.1 },
      ...{ fsdp: "full_shard", deepspeed: "zero3.json" },
    };
    const shared =
      "a trainer of a run holds the whole model in each process; to share weights out, start the training with " +
      "accelerate launch and direct it with scpo direct";
    const found = await problems(stringify({ ...full, training, stages: [] }));
    const told = Object.fromEntries(found.map(({ field, description }) => [field, description]));
    expect(told["training.optim"]).to.match(/^found "adam", expected one of adamw_torch, /);
    delete told["training.optim"];
    expect(told).to.deep.equal({
      "training.lora_r": "found 1.5, expected a whole number",
      "training.dtype": 'found "float64", expected auto, bfloat16, float16, float32, none',
      "training.bf16": 'found "yes", expected true or false or none',
      "training.lora_target_modules[0]": "found 1, expected a text",
      "training.loss_parameters.beta": 'found "low", expected number or names with values',
      "training.save_steps": "is not set here: checkpoints.every_steps says when the training is saved",
      "training.output_dir": "is not set here: id names the run's folder",
      "training.fsdp": `is not set here: ${shared}`,
      "training.deepspeed": `is not set here: ${shared}`,
      "training.stages": "is not set here: curriculum.stages says it",
      "training.label_smoothing":
        "is not set here: it is a parameter of robust, exo_pair, aot and aot_unpaired: set it in loss_parameters",
    });
  });

  it("takes a model's name on the hub where no folder has it, and a revision said once", async () => {
    const text = (model: string, training = "{}") =>
      `model: "${model}"\ntraining: ${training}\ndata: {pairs: pairs.parquet}\n`;
    const model = async (...given: Parameters<typeof text>) =>
      ((await read(text(...given))) as { settings: { model: string } }).settings.model;
    expect(await model("some-org/some.model")).to.equal("hf://some-org/some.model");
    expect(await model("some-org/some.model@v1.5")).to.equal("hf://some-org/some.model@v1.5");
    expect(await model("hf://some-org/some.model", "{model_revision: v1.5}")).to.equal("hf://some-org/some.model");
    await mkdir(join(folder, "some-org", "some.model"), { recursive: true });
    await writeFile(join(folder, "some-org", "some.model", "config.json"), "{}");
    expect(await model("some-org/some.model")).to.equal(join(folder, "some-org", "some.model"));
    expect(await model("hf://some-org/some.model")).to.equal("hf://some-org/some.model");
    const told = async (...given: Parameters<typeof text>) =>
      (await problems(text(...given))).map(({ field, description, position }) => {
        return `${position?.line}:${position?.column} ${field}: ${description}`;
      });
    expect(await told("a/b@v1", "{model_revision: v2}")).to.deep.equal([
      '2:28 training.model_revision: found "v2", but model says v1: say it once',
    ]);
    expect(await told("embedded", "{model_revision: v2}")).to.deep.equal([
      '2:28 training.model_revision: found "v2", but a folder has no revisions: leave it out',
    ]);
    expect(await told("hf://a/b/c")).to.deep.equal([
      '1:8 model: found "hf://a/b/c", expected hf://owner/name or hf://owner/name@revision',
    ]);
    expect((await told("nowhere")).join()).to.match(
      /an existing folder, owner\/name of a model on the Hugging Face hub/,
    );
  });

  it("refers for what is decided elsewhere to fields that there are", () => {
    const table = settingsTable();
    const named = Object.values(trainingJsonSchema.properties).flatMap(({ not, description = "" }) =>
      not === undefined ? [] : [...description.matchAll(FIELDS)].map(([field]) => field),
    );
    expect(new Set(named).size).to.be.greaterThan(10);
    expect([...new Set(named)].filter((field) => !table.includes(`\`${field}`))).to.deep.equal([]);
  });

  it("says what fields of former versions are called now, each at its place", async () => {
    const text = [
      "model: embedded",
      "seed: 3",
      "precision: bf16",
      "data: {pairs: pairs.parquet}",
      "objective: {loss: scpo, parameters: {anchor: 1}}",
      "optimiser:",
      "  learning_rate: 1.0e-4",
      "  batch_size: 8",
      "  colour: red",
      "stages:",
      "  - optimiser: {schedule: linear, warmup_share: 0.1}",
      "  - objective: none",
      "",
    ].join("\n");
    const found = await problems(text);
    const lines = found.map(({ field, description, position }) => {
      return `${position?.line}:${position?.column}: ${field}: ${description}`;
    });
    expect(lines).to.deep.equal([
      "2:1: seed: is training.seed now",
      "3:1: precision: is training.bf16 or fp16 now",
      "5:13: objective.loss: is training.loss_type now",
      "5:25: objective.parameters: is training.loss_parameters now",
      "7:3: optimiser.learning_rate: is training.learning_rate now",
      "8:3: optimiser.batch_size: is training.per_device_train_batch_size now",
      "9:3: optimiser.colour: there is no such field",
      "11:17: stages[0].optimiser.schedule: is stages[0].lr_scheduler_type now",
      "11:35: stages[0].optimiser.warmup_share: is stages[0].warmup_steps now",
      "12:5: stages[1].objective: is stages[1] now",
    ]);
  });

  it("tells mistakes of YAML with their lines, and an empty file", async () => {
    expect((await problems("id: a\nid: b\n")).map(({ position }) => position?.line)).to.deep.equal([2]);
    expect((await problems("data: [1\nid: a\n")).length).to.be.greaterThan(0);
    expect((await problems("id: !secret a\n"))[0]?.description).to.include("!secret");
    expect(await read("# nothing\n"))
      .to.be.instanceOf(UserError)
      .with.property("message")
      .that.includes("is empty");
    expect(await readRunFile("/nowhere/run.yaml").catch((error: unknown) => error)).to.be.instanceOf(UserError);
  });

  it("wants a name of settings that come from no file, and takes one beside them", () => {
    const nameless = { ...full, id: undefined, data: { pairs: join(folder, "pairs.parquet") }, evaluation: {} };
    expect(() => checkRunSettings(nameless)).to.throw(SettingsError, "run settings: id: is missing");
    expect(checkRunSettings(nameless, { id: "other" }).settings.id).to.equal("other");
    expect(() => checkRunSettings(nameless, { id: "../other" })).to.throw(UserError, "id: found");
  });

  it("has a sentence for every field, and a committed schema that is the code's", async () => {
    for (const path of paths(full)) {
      if (isOwn(path) || typeof path.at(-1) === "number") continue;
      expect(schemaAt(path, full)?.description, fieldName(path)).to.be.a("string");
    }
    const committed = await readFile(join(PACKAGE_ROOT, "schemas", "run.schema.json"), "utf8");
    expect(committed, "run: npm run generate").to.equal(runSchemaText());
    expect(await readFile(join(PACKAGE_ROOT, "docs", "runs.md"), "utf8"), "run: npm run generate").to.include(
      `<!-- settings -->\n${settingsTable()}\n<!-- /settings -->`,
    );
  });

  it("fits its example, whose files `npm start` makes", async () => {
    const text = await readFile(join(PACKAGE_ROOT, "examples", "run.yaml"), "utf8");
    const { pairs } = await readRecipe();
    expect(text).to.include(`../runs/demo/data/pairs-${pairs}-seed-1-graded.parquet`);
    expect(text).to.include(`../runs/demo/data/test-${SCENES.test}-${packageVersion()}.parquet`);
    const found = await problems(text);
    expect(found.map(({ field }) => field)).to.deep.equal(["data.pairs", "evaluation.scenes"]);
  });
});
