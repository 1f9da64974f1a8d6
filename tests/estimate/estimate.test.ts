import { expect } from "chai";
import { execFile } from "node:child_process";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { stringify } from "yaml";
import { CARDS } from "../../src/estimate/cards.js";
import { estimate, type Estimate, FRAGMENTED, RESERVED } from "../../src/estimate/estimate.js";
import { estimateText } from "../../src/estimate/estimate-text.js";
import { SCPO } from "../fixtures/scpo-command.js";
import { tinyWorld, type TinyWorld } from "../fixtures/tiny-run.js";

interface Ended {
  code: number;
  output: string;
  errors: string;
}

function scpo(...words: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [...SCPO, ...words], (_, output, errors) =>
      resolve({ code: child.exitCode ?? -1, output, errors }),
    );
  });
}

describe("scpo estimate", function () {
  this.timeout(240_000);
  let world: TinyWorld;
  let file: string;
  let found: Estimate;

  before(async () => {
    world = await tinyWorld();
    file = join(world.folder, "estimated.yaml");
    const settings = {
      model: world.model,
      data: { pairs: world.pairs.path },
      training: { per_device_train_batch_size: 2, gradient_accumulation_steps: 2 },
      curriculum: { policy: "staged", stages: 3 },
    };
    await writeFile(file, stringify(settings));
    const before = await readdir(world.folder);
    const { code, output, errors } = await scpo("estimate", file, "--gpu", "H100", "--price-per-hour", "3", "--json");
    expect(code, errors).to.equal(0);
    expect(await readdir(world.folder), "nothing is written").to.deep.equal(before);
    found = JSON.parse(output) as Estimate;
  });

  it("adds up the parts, and what driver and allocator take", () => {
    const { parts, total } = found.answer.memory;
    expect(Object.values(parts).reduce((sum, bytes) => sum + bytes, 0)).to.equal(total);
    expect(found.needed).to.equal(Math.ceil(total * (1 + FRAGMENTED)) + RESERVED);
    expect(parts).to.include.keys("weights", "activations", "gradients", "optimiser");
    // Float32 weights and two means of AdamW each; their buffers are small.
    expect(parts["optimiser"]).to.equal(8 * found.answer.model.trained);
    expect(found.fits).to.equal(true);
    expect(found.changes).to.deep.equal([]);
  });

  it("makes seconds, hours and cost of operations and steps", () => {
    const { work } = found.answer;
    const perSecond = CARDS["h100"]!.flops.float32 * 0.35;
    // Twelve pairs, four a step.
    expect(found.steps).to.equal(3);
    expect(found.time?.secondsPerStep).to.be.closeTo((2 * work!.pass) / perSecond, 1e-12);
    const hours = (3 * 2 * work!.pass + 6 * work!.score) / perSecond / 3600;
    expect(found.time?.hours).to.be.closeTo(hours, hours * 1e-9);
    expect(found.time?.cost).to.be.closeTo(3 * hours, hours * 1e-8);
    // A backward pass is two products for each of the forward pass, which checkpointing makes twice.
    expect(work!.pass / work!.score).to.be.within(3, 4.1);
  });

  it("says what to change when it does not fit, and estimates each change", async () => {
    const plan = world.plan("estimated", { plan: { batchSize: 4, training: { gradient_checkpointing: false } } });
    const request = { plan, processes: 1, shards: 1, efficiency: 0.35 };
    const card = { ...CARDS["h100"]!, memory: found.needed };
    const first = await estimate({ ...request, card });
    expect(first.fits).to.equal(false);
    const words = first.changes.map((change) => change.words);
    expect(words[0]).to.equal("training.gradient_checkpointing: true");
    expect(words).to.include("training.per_device_train_batch_size: 1, gradient_accumulation_steps: 8");
    expect(words.some((each) => each.includes("LoRA"))).to.equal(true);
    for (const change of first.changes) {
      if (change.error !== undefined) continue;
      expect(change.fits).to.equal((change.needed ?? Infinity) <= card.memory);
    }
    const [checkpointed] = first.changes;
    expect(checkpointed?.needed).to.be.below(first.needed);
    const text = estimateText(first, 0.35);
    expect(text).to.contain("does NOT fit").and.to.contain("what each change alone would take");
  });

  it("exits with 1 when a card is too small, and names what it does not know", async () => {
    const small = await scpo("estimate", file, "--memory", "0.5", "--flops", "1");
    expect(small.code).to.equal(1);
    expect(small.output).to.contain("GPU, 512.0 MiB: does NOT fit").and.to.contain("it never fits");
    const unknown = await scpo("estimate", file, "--gpu", "h1000");
    expect(unknown.code).to.equal(1);
    expect(unknown.errors).to.contain("--gpu: found h1000, expected one of rtx-3090");
    const half = await scpo("estimate", file, "--memory", "24");
    expect(half.errors).to.contain("expected both");
  });
});
