import { expect } from "chai";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { parse } from "yaml";
import { findPython, pythonEnvironment } from "../../src/backend/python.js";
import { startRun } from "../../src/run-file/start-run.js";
import type { TrainingInput } from "../../src/run-file/training-schema.js";
import { connectRuns } from "../../src/service/client.js";
import { serve } from "../../src/service/serve.js";
import { eventsOf } from "../fixtures/service.js";
import { type TinyWorld, tinyWorld } from "../fixtures/tiny-run.js";

const run = promisify(execFile);

/** A step takes all pairs of a stage, so that the doors' orders within a stage do not matter. */
const BLOCK = `
learning_rate: 1.0e-2
lr_scheduler_type: cosine
warmup_steps: 0.5
weight_decay: 0.01
max_grad_norm: 0.5
optim: adamw_torch
per_device_train_batch_size: 4
seed: 11
loss_type: [scpo, sft]
loss_weights: [1, 0.25]
loss_parameters: { scpo: { anchor: 1 } }
beta: 0.3
bf16: false
max_length: 60
gradient_checkpointing: true
gradient_checkpointing_kwargs: { use_reentrant: false }
use_peft: true
lora_r: 4
lora_dropout: 0
lora_target_modules: [q_proj, v_proj]
`;

describe("one block of training", () => {
  let world: TinyWorld;
  let folder: string;
  let expected: number[];
  const settings = () => ({
    model: world.model,
    data: { pairs: world.pairs.path },
    training: parse(BLOCK) as TrainingInput,
    curriculum: { policy: "staged" as const, epochs: 2 },
    reporting: { page: false, telemetry: false },
  });

  before(async function () {
    this.timeout(600_000);
    world = await tinyWorld();
    folder = mkdtempSync(join(tmpdir(), "scpo-same-"));
    const path = join(folder, "block.yaml");
    await writeFile(path, BLOCK);
    const out = join(folder, "out");
    const words = ["--config", path, "--model_name_or_path", world.model, "--dataset_name", world.pairs.path];
    const local = ["--output_dir", out, "--num_train_epochs", "2", "--logging_steps", "1", "--use_cpu", "true"];
    const env = { ...process.env, ...pythonEnvironment(), OMP_NUM_THREADS: "1" };
    await run(findPython(), ["-W", "ignore", "-m", "scpo_trl", ...words, ...local], { env });
    const state = JSON.parse(await readFile(join(out, "checkpoint-6", "trainer_state.json"), "utf8")) as {
      log_history: { loss?: number }[];
    };
    expected = state.log_history.flatMap(({ loss }) => (loss === undefined ? [] : [loss]));
    expect(expected).to.have.length(6);
    // The adapter learns, or equal losses would say little.
    expect(new Set(expected).size).to.equal(6);
  });

  after(() => rmSync(folder, { recursive: true, force: true }));

  function expectSame(losses: readonly number[]): void {
    expect(losses).to.have.length(expected.length);
    for (const [at, loss] of losses.entries())
      expect(loss, `step ${at + 1}`).to.be.closeTo(expected[at] as number, 2e-5);
  }

  it("trains alike under trl-scpo and under startRun: LoRA, checkpointed activations, a mixture", async () => {
    const started = await startRun(
      { ...settings(), backend: { kind: "launched", threads: 1 } },
      { runs: join(folder, "runs"), id: "same" },
    );
    const losses: number[] = [];
    for await (const event of started) if (event.type === "step") losses.push(event.report.loss);
    await started.result();
    expectSame(losses);
  }).timeout(600_000);

  it("and under CreateRun of the service", async () => {
    const service = await serve({
      runs: join(folder, "served"),
      data: [world.folder],
      listen: "127.0.0.1:0",
      backend: { kind: "launched", threads: 1 },
    });
    const client = connectRuns(service.address);
    try {
      const { run: made } = await client.runs.createRun({ settings: settings(), runId: "same" });
      const events = await eventsOf(client.runs.watchRun({ name: made?.name ?? "" }));
      expectSame(events.flatMap(({ event }) => (event?.$case === "step" ? [event.value.loss] : [])));
    } finally {
      client.close();
      await service.drain();
    }
  }).timeout(600_000);
});
