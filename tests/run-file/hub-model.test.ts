import { expect } from "chai";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readEvalResult } from "../../src/evaluation/eval-result.js";
import { prepareRun, startRun } from "../../src/run-file/start-run.js";
import type { RunSettings } from "../../src/run-file/schema.js";
import { connectRuns } from "../../src/service/client.js";
import { serve } from "../../src/service/serve.js";
import { drawPope } from "../fixtures/drawn-pope.js";
import { type TinyWorld, tinyWorld } from "../fixtures/tiny-run.js";

const COMMIT = "0123456789abcdef0123456789abcdef01234567";

/** Nothing is fetched: the hub's cache on this machine holds what it would, and its clients are told to be offline. */
describe("a model named on the Hugging Face hub", function () {
  this.timeout(300_000);
  let world: TinyWorld;
  let folder: string;
  let pope: string;
  const environment = { HF_HOME: process.env["HF_HOME"], HF_HUB_OFFLINE: process.env["HF_HUB_OFFLINE"] };

  before(async () => {
    world = await tinyWorld();
    folder = await mkdtemp(join(tmpdir(), "scpo-hub-"));
    const cached = join(folder, "hub", "models--tiny--llava");
    await cp(world.model, join(cached, "snapshots", COMMIT), { recursive: true });
    await mkdir(join(cached, "refs"));
    await writeFile(join(cached, "refs", "v1"), COMMIT);
    pope = join(folder, "pope");
    await drawPope(pope, 4);
    Object.assign(process.env, { HF_HOME: folder, HF_HUB_OFFLINE: "1" });
  });

  after(async () => {
    for (const [name, value] of Object.entries(environment)) {
      if (value === undefined) Reflect.deleteProperty(process.env, name);
      else process.env[name] = value;
    }
    await rm(folder, { recursive: true, force: true });
  });

  const settings = (model: string, changes: Partial<RunSettings> = {}): RunSettings => ({
    model,
    data: { pairs: world.pairs.path },
    training: {
      learning_rate: 1e-2,
      per_device_train_batch_size: 4,
      ...{ use_peft: true, lora_r: 2, lora_dropout: 0, lora_target_modules: ["v_proj"] },
    },
    curriculum: { policy: "staged", epochs: 2 },
    backend: { kind: "launched", threads: 1 },
    reporting: { page: false, telemetry: false },
    ...changes,
  });

  async function losses(id: string, given: RunSettings): Promise<number[]> {
    const run = await startRun(given, { runs: join(folder, "runs"), id });
    const found: number[] = [];
    for await (const event of run) if (event.type === "step") found.push(event.report.loss);
    await run.result();
    return found;
  }

  it("trains as its folder does, is the base of what is evaluated, and of what trains on", async () => {
    const evaluation = {
      benchmarks: [
        { benchmark: "pope", annotations: pope, images: join(pope, "images"), batch_size: 4, max_new_tokens: 2 },
      ],
    };
    const named = await losses("named", settings("tiny/llava@v1", { evaluation }));
    expect(new Set(named).size).to.equal(4);
    expect(named).to.deep.equal(await losses("by-folder", settings(world.model)));
    const saved = join(folder, "runs", "named", "checkpoints", "stage-2");
    const adapter = JSON.parse(await readFile(join(saved, "adapter_config.json"), "utf8")) as Record<string, unknown>;
    expect(adapter).to.include({ base_model_name_or_path: "tiny/llava", revision: "v1" });
    const result = await readEvalResult(join(folder, "runs", "named", "evaluation", "pope-stage-2.json"));
    expect(result.metrics).not.to.deep.equal({});

    // The adapter of a folder's model leads to that folder, which no setting names.
    const own = join(folder, "runs", "by-folder", "checkpoints", "stage-2");
    const further = await losses("further", settings(own, { evaluation }));
    expect(further[1]).not.to.equal(named[1]);
  });

  it("is named by the plan, which says what is here and what would be fetched", async () => {
    const text = async (model: string) => (await prepareRun(settings(model), { id: "planned" })).text;
    expect(await text("tiny/llava@v1")).to.match(
      new RegExp(`^model: tiny/llava at v1 lies in the hub's cache: ${folder}/hub/.*/${COMMIT}\n`),
    );
    expect(await text(`tiny/llava@${COMMIT}`)).to.include("lies in the hub's cache");
    const refused = await prepareRun(settings("tiny/llava"), { id: "planned" }).catch((error: unknown) => error);
    expect(String(refused)).to.include(
      `model: tiny/llava is not in ${join(folder, "hub")}, and HF_HUB_OFFLINE forbids to fetch it`,
    );
    process.env["HF_HUB_OFFLINE"] = "0";
    expect(await text("tiny/llava")).to.match(
      /^model: tiny\/llava is not in .*are fetched from the Hugging Face hub when/,
    );
    process.env["HF_HUB_OFFLINE"] = "1";
  });

  it("is for the operator of a service to allow; so is the base that an adapter names", async () => {
    const adapter = join(world.folder, "adapter-of-elsewhere");
    await mkdir(adapter, { recursive: true });
    await writeFile(join(adapter, "adapter_config.json"), JSON.stringify({ base_model_name_or_path: folder }));
    for (const allowHub of [false, true]) {
      const service = await serve({
        runs: join(folder, `served-${allowHub}`),
        data: [world.folder],
        listen: "127.0.0.1:0",
        allowHub,
      });
      const client = connectRuns(service.address);
      const refused = async (model: string) => {
        const { backend: _, ...given } = settings(model);
        return client.runs.createRun({ settings: given, validateOnly: true }).then(
          () => "",
          (error: unknown) => JSON.stringify(error) + String(error),
        );
      };
      try {
        const named = await refused("tiny/llava@v1");
        if (allowHub) expect(named).to.equal("");
        else expect(named).to.include("--allow-hub");
        expect(await refused(adapter)).to.include("is an adapter whose base");
      } finally {
        client.close();
        await service.drain();
      }
    }
  });
});
