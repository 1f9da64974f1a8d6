import { expect } from "chai";
import fc from "fast-check";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { UserError } from "../../src/errors.js";
import { EMBEDDED_MODEL_FOLDER, PACKAGE_ROOT, packageVersion } from "../../src/package-root.js";
import { settingsTable } from "../../src/run-file/settings-table.js";
import { SCENES } from "../../src/study/data-files.js";
import { readRecipe } from "../../src/study/recipe.js";
import { runSchemaText, schemaAt } from "../../src/run-file/json-schema.js";
import { fieldName } from "../../src/run-file/position.js";
import { SettingsError } from "../../src/run-file/problems.js";
import { checkRunSettings, readRunFile } from "../../src/run-file/read.js";

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

describe("run.yaml", () => {
  let folder: string;
  let full: Record<string, unknown>;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), "scpo-run-file-"));
    writeFileSync(join(folder, "pairs.parquet"), "");
    full = {
      id: "all-fields",
      seed: 3,
      model: EMBEDDED_MODEL_FOLDER,
      precision: "bf16",
      data: { pairs: "pairs.parquet", sha256: "0".repeat(64) },
      objective: { loss: "scpo", parameters: { beta: 0.2, anchor: 1 } },
      optimiser: {
        learning_rate: 1e-4,
        schedule: "linear",
        warmup_share: 0.2,
        weight_decay: 0.1,
        max_grad_norm: 2,
        batch_size: 4,
        gradient_accumulation_steps: 2,
        frozen_prefixes: ["model.vision_tower"],
      },
      curriculum: { policy: "staged", order: "hard-to-easy", stages: 3, epochs: 2 },
      stages: [
        { name: "first", objective: { loss: "dpo", parameters: { beta: 0.3 } } },
        { optimiser: { learning_rate: 1e-5, schedule: "constant", warmup_share: 0 }, reference: "keep" },
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

  it("takes every field, and makes paths absolute from the file's folder", async () => {
    const found = await read(stringify(full));
    expect(found).to.have.nested.property("settings.data.pairs", join(folder, "pairs.parquet"));
    expect(found).to.have.nested.property("settings.evaluation.benchmarks[0].images", folder);
    expect(found).to.have.nested.property("settings.optimiser.batch_size", 4);
  });

  it("names the field and its line for a wrong value anywhere", async () => {
    // A value of a kind that no field takes: a mapping in a list.
    const wrong = [{ wrong: 1 }];
    const where = paths(full).filter((path) => path.length > 0);
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
    const mistakes: Path[] = [["seed"], ["optimiser", "batch_size"], ["reference", "alpha"], ["checkpoints", "keep"]];
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
    const found = await problems("modle: embedded\ndata:\n  pairs: nowhere.parquet\noptimiser: {batch_size: 2}\n");
    expect(found.map(({ field, position }) => [field, position])).to.deep.equal([
      ["model", { line: 1, column: 1 }],
      ["modle", { line: 1, column: 1 }],
      ["data.pairs", { line: 3, column: 10 }],
      ["optimiser.learning_rate", { line: 4, column: 12 }],
    ]);
    const text = found.map(({ description }) => description).join("\n");
    expect(text).to.match(/there is no such field, expected of run.yaml: .*model/);
    expect(text).to.match(/is missing, expected a number \(Peak of the learning rate/);
    expect(text).to.match(/found "nowhere.parquet", expected an existing file/);
  });

  it("points at losses and parameters that the trainer does not know, before one is started", async () => {
    const settings = {
      ...full,
      objective: { loss: "spco", parameters: { betta: 1 } },
      stages: [
        {},
        { objective: { loss: "dpo", parameters: { beta: 0.2, anchor: 1 } } },
        { objective: { parameters: { gamma: 1, both_directions: 1 } } },
        { objective: { loss: "toString" } },
      ],
    };
    const found = await problems(stringify(settings));
    expect(found.map(({ field, description }) => `${field}: ${description}`)).to.deep.equal([
      'objective.loss: found "spco", expected one of chip, dpo, mdpo, rdpo, s-vco, scpo, sft, symmpo',
      "stages[1].objective.parameters.anchor: the loss has no such parameter, expected of dpo: beta, both_directions",
      "stages[2].objective.parameters.gamma: the loss has no such parameter, expected of dpo: beta, both_directions",
      'stages[3].objective.loss: found "toString", expected one of chip, dpo, mdpo, rdpo, s-vco, scpo, sft, symmpo',
    ]);
    expect(found[0]?.position?.line).to.be.greaterThan(1);
    // What loss is meant where none is named is the schema's default.
    const unnamed = await problems(stringify({ ...full, objective: { parameters: { betta: 1 } }, stages: [] }));
    expect(unnamed.map(({ field }) => field)).to.deep.equal(["objective.parameters.betta"]);
    // A service elsewhere may know others.
    const remote = { ...settings, backend: { kind: "remote", address: "localhost:5000" } };
    expect(await read(stringify(remote))).to.have.nested.property("settings.objective.loss", "spco");
  });

  it("tells mistakes of YAML with their lines, and an empty file", async () => {
    expect((await problems("seed: 1\nseed: 2\n")).map(({ position }) => position?.line)).to.deep.equal([2]);
    expect((await problems("data: [1\nseed: 2\n")).length).to.be.greaterThan(0);
    expect((await problems("seed: !secret 1\n"))[0]?.description).to.include("!secret");
    expect(await read("# nothing\n"))
      .to.be.instanceOf(UserError)
      .with.property("message")
      .that.includes("is empty");
    expect(await readRunFile("/nowhere/run.yaml").catch((error: unknown) => error)).to.be.instanceOf(UserError);
  });

  it("wants a name of settings that come from no file, and takes one beside them", () => {
    const nameless = { ...full, id: undefined, data: { pairs: join(folder, "pairs.parquet") }, evaluation: {} };
    expect(() => checkRunSettings(nameless)).to.throw(SettingsError, "run settings: id: is missing");
    expect(checkRunSettings(nameless, "other").settings.id).to.equal("other");
    expect(() => checkRunSettings(nameless, "../other")).to.throw(UserError, "id: found");
  });

  it("has a sentence for every field, and a committed schema that is the code's", async () => {
    for (const path of paths(full)) {
      if (path.includes("parameters") || typeof path.at(-1) === "number") continue;
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
