import { expect } from "chai";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runSuite } from "../../src/evaluation/suite/run-suite.js";
import { readSuite } from "../../src/evaluation/suite/suite-file.js";
import type { SuiteTable } from "../../src/evaluation/suite/suite-table.js";
import { EMBEDDED_MODEL_FOLDER } from "../../src/package-root.js";
import { drawPope, SPLITS } from "../fixtures/drawn-pope.js";
import { complaintOf } from "../fixtures/rejection.js";
import { judgeServer, type JudgeServer } from "./judge-server.js";

describe("a suite of models and benchmarks", function () {
  this.timeout(180_000);
  let folder: string;
  let server: JudgeServer;
  let truth: Map<string, string>;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "scpo-suite-"));
    await drawPope(folder, 6);
    truth = new Map();
    for (const split of SPLITS) {
      const lines = (await readFile(join(folder, `coco_pope_${split}.json`), "utf8")).trimEnd().split("\n");
      for (const line of lines) {
        const { image, text, label } = JSON.parse(line) as { image: string; text: string; label: string };
        const bytes = await readFile(join(folder, "images", image));
        truth.set(`${bytes.toString("base64")} ${text}`, label);
      }
    }
    // One model is always right, the other says yes to everything.
    server = await judgeServer(({ body }) => {
      const [image, question] = body.messages[0]?.content as unknown as [
        { image_url: { url: string } },
        { text: string },
      ];
      return body.model === "knowing"
        ? (truth.get(`${image.image_url.url.split(",")[1]} ${question.text}`) ?? "?")
        : "Yes";
    });
  });
  after(async () => {
    await server.close();
    await rm(folder, { recursive: true, force: true });
  });

  const served = (name: string): string =>
    `{ name: ${name}, endpoint_url: "${server.url}", endpoint_model: ${name}, endpoint_settings: { seed: 1 } }`;
  const POPE =
    "{ benchmark: pope, annotations: ., images: images, mode: strict, max_new_tokens: 6, metrics: [accuracy, yes_ratio] }";

  async function suite(
    models: readonly string[],
    benchmarks: readonly string[] = [POPE],
    out = "out",
  ): Promise<string> {
    const path = join(folder, "suite.yaml");
    const list = (items: readonly string[]) => items.map((item) => `  - ${item}\n`).join("");
    await writeFile(path, `out: ${out}\nmodels:\n${list(models)}benchmarks:\n${list(benchmarks)}`);
    return path;
  }

  const run = async (path: string): Promise<SuiteTable> =>
    runSuite(await readSuite(path), {
      ...{ threads: 1, environment: {}, signal: new AbortController().signal },
      modelFolder: () => EMBEDDED_MODEL_FOLDER,
    });

  it("writes one table of figures, intervals and differences, and asks nothing twice", async () => {
    const path = await suite([served("saying"), served("knowing")]);
    const { cells } = await run(path);
    expect(cells.map(([cell]) => cell?.result.metrics["accuracy"])).to.deep.equal([50, 100]);
    expect(cells[1]?.[0]?.comparison?.metrics.find(({ name }) => name === "accuracy")).to.include({ difference: 50 });
    const markdown = await readFile(join(folder, "out", "table.md"), "utf8");
    expect(markdown).to.include("| model | pope accuracy ↑ | pope yes_ratio |");
    expect(markdown).to.include("| saying | 50.00 [50.00, 50.00] | 100.00 [100.00, 100.00] |");
    expect(markdown).to.include("| knowing | **100.00 [100.00, 100.00]** | **50.00 [50.00, 50.00]** |");
    expect(markdown).to.include("Differences from saying");
    expect(markdown).to.include("| knowing | **+50.00 [+50.00, +50.00]** | **-50.00 [-50.00, -50.00]** |");
    const latex = await readFile(join(folder, "out", "table.tex"), "utf8");
    expect(latex).to.include("model & pope accuracy $\\uparrow$ & pope yes\\_ratio \\\\");
    expect(latex).to.include("\\textbf{100.00 [100.00, 100.00]}");
    const asked = server.asked.length;
    expect(server.asked[0]?.body).to.include({ seed: 1, temperature: 0, max_tokens: 6 });
    await run(path);
    expect(server.asked).to.have.length(asked);
    expect(await readFile(join(folder, "out", "table.md"), "utf8")).to.equal(markdown);
  });

  it("takes models of this machine too", async () => {
    const { cells } = await run(await suite([served("saying"), "{ name: tiny, model: embedded }"], [POPE], "mixed"));
    // The shipped model answers 95 of 100 such questions rightly.
    expect(cells[1]?.[0]?.result.metrics["accuracy"]).to.be.greaterThan(60);
  });

  it("names the field that is wrong", async () => {
    const cases: [string[], string[], RegExp][] = [
      [["{ name: a b, model: m }"], [POPE], /^\/suite.yaml: field models.0.name: expected letters, digits, points/],
      [["{ name: a }"], [POPE], /^\/suite.yaml: field models.0: expected name and model, or name, endpoint_url/],
      [[served("a")], ["{ benchmark: pop, annotations: . }"], /field benchmarks.0: benchmark "pop" is not known/],
      [[served("a")], ["{ benchmark: mmhal, annotations: . }"], /field benchmarks.0.benchmark: mmhal needs a judge/],
      [
        [served("a")],
        ["{ benchmark: pope, annotations: ., options: { spilt: random } }"],
        /option "spilt" is not one of pope/,
      ],
      [[served("a")], ["{ benchmark: pope, annotations: ., color: red }"], /field benchmarks.0: .*color/],
      [[served("a"), served("a")], [POPE], /field models.1.name: "a" stands twice/],
      [[served("a")], [POPE, POPE], /field benchmarks.1.name: "pope" stands twice/],
    ];
    for (const [models, benchmarks, message] of cases) {
      const path = await suite(models, benchmarks);
      expect(await complaintOf(readSuite(path), folder)).to.match(message);
    }
    await writeFile(join(folder, "suite.yaml"), "out: [");
    expect(await complaintOf(readSuite(join(folder, "suite.yaml")), folder)).to.match(/suite.yaml: is not YAML/);
    const metrics = POPE.replace("[accuracy, yes_ratio]", "[acc]");
    expect(await complaintOf(run(await suite([served("saying")], [metrics])))).to.match(
      /metric "acc" is none of pope: accuracy/,
    );
  });

  it("writes over no table that it did not make", async () => {
    const path = await suite([served("saying")]);
    await writeFile(join(folder, "out", "table.md"), "# My table\n");
    expect(await complaintOf(run(path), folder)).to.match(
      /^\/out\/table.md: is no table of a suite, and is not written over/,
    );
  });
});
