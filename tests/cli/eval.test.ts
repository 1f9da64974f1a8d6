import { expect } from "chai";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PACKAGE_ROOT } from "../../src/package-root.js";
import { TINY_BENCHMARKS, writeTinyBenchmark, type TinyBenchmark } from "../fixtures/tiny-benchmarks.js";
import { SCPO } from "../fixtures/scpo-command.js";

describe("scpo eval", function () {
  this.timeout(60_000);
  let folder: string;
  let annotations: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "scpo-eval-"));
    annotations = join(folder, "chair");
    await writeTinyBenchmark(annotations, TINY_BENCHMARKS["chair"] as TinyBenchmark);
    // In the tiny truth picture 1 shows a dog, 2 a person and a cat, 3 nothing.
    const captions = (texts: readonly string[]) =>
      texts.map((caption, at) => JSON.stringify({ image_id: at + 1, caption })).join("\n");
    await writeFile(join(folder, "one.jsonl"), captions(["a dog and a cat", "a man", "nothing"]));
    await writeFile(join(folder, "two.jsonl"), captions(["a puppy", "a man with a kitten", "nothing"]));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  function scpo(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    const command = [...SCPO, "eval", ...args];
    return new Promise((resolve) => {
      execFile(process.execPath, command, { cwd: PACKAGE_ROOT }, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
      });
    });
  }

  it("scores, compares and draws", async () => {
    const [one, two, plot] = [join(folder, "one.json"), join(folder, "two.json"), join(folder, "plot.svg")];
    const scored = await scpo(
      ...[
        "score",
        "chair",
        "--annotations",
        annotations,
        "--answers",
        join(folder, "one.jsonl"),
        "--mode",
        "strict",
        "--json",
      ],
    );
    expect(scored).to.include({ code: 0, stderr: "" });
    const result = JSON.parse(scored.stdout) as Record<string, unknown>;
    expect(result).to.include({ benchmark: "chair", mode: "strict", n: 3 });
    // One of three captions names an absent cat: one of three mentions; two of three objects are named.
    expect(result["metrics"]).to.deep.include({ chair_s: 100 / 3, chair_i: 100 / 3, recall: 200 / 3 });
    expect(Object.keys(result["inputs"] as object)).to.include.members([
      "annotations/synonyms.txt",
      "answers/one.jsonl",
    ]);
    await writeFile(one, scored.stdout);

    const other = await scpo(
      ...[
        "score",
        "chair",
        "--annotations",
        annotations,
        "--answers",
        join(folder, "two.jsonl"),
        "--mode",
        "strict",
        "--out",
        two,
      ],
    );
    expect(other.code).to.equal(0);
    expect(other.stdout).to.match(/^CHAIR, strict mode .*n = 3 \(3 images\)\n/);
    expect(other.stdout).to.match(/\nchair_s +0\.0+ +0\.0+ to 0\.0+ /);

    const compared = await scpo("compare", one, two, "--plot", plot);
    expect(compared).to.include({ code: 0, stderr: "" });
    expect(compared.stdout).to.match(/^chair, strict mode, 3 images, 1000 paired resamples; difference = two - one\n/);
    expect(compared.stdout).to.match(/\nchair_s +33\.33 +0\.00 +-33\.33 /);
    expect(await readFile(plot, "utf8")).to.match(/^<svg /);
  });

  it("lists the benchmarks and checks files", async () => {
    const { stdout, code } = await scpo("benchmarks", "--json");
    expect(code).to.equal(0);
    const listed = JSON.parse(stdout) as { name: string; source: { repository: string; revision: string } }[];
    expect(listed.map(({ name }) => name)).to.include.members(["chair", "pope", "amber", "mme", "mmhal"]);
    for (const { name, source } of listed) {
      if (name !== "scenes") expect(source.repository + source.revision).to.match(/^https:.+/);
    }
    const checked = await scpo("benchmarks", "chair", "--annotations", annotations);
    expect(checked.code).to.equal(1);
    expect(checked.stdout).to.match(/\[has 53 bytes, expected 3577\] synonyms.txt/);
    expect(checked.stderr).to.match(
      /^scpo: .*synonyms.txt has 53 bytes, expected 3577; get the files from https:.*\n$/,
    );
  });

  it("says in one line what is wrong", async () => {
    const wrong = async (...args: string[]) => {
      const { code, stdout, stderr } = await scpo(...args);
      expect([code, stdout]).to.deep.equal([1, ""]);
      expect(stderr).to.match(/^scpo: [^\n]+\n$/);
      return stderr;
    };
    const answers = ["--answers", join(folder, "one.jsonl")];
    expect(await wrong("score", "chiar", ...answers)).to.match(/"chiar" is not known; expected one of chair/);
    expect(await wrong("score", "chair", ...answers)).to.match(/--annotations is missing/);
    expect(await wrong("score", "chair", "--annotations", annotations, "--answers", "no.jsonl")).to.match(
      /no.jsonl: no such file/,
    );
    expect(await wrong("score", "mme", ...answers, "--option", "tasks")).to.match(
      /--option is "tasks", expected name=value/,
    );
    expect(await wrong("compare", join(folder, "one.jsonl"), "no.json")).to.match(/one.jsonl line 2: is not JSON/);
  });

  it("ends quietly when its reader has seen enough", (done) => {
    const command = `"${process.execPath}" "${join(PACKAGE_ROOT, "bin", "scpo.js")}" eval benchmarks | head -c 1`;
    execFile("bash", ["-o", "pipefail", "-c", command], (error, stdout, stderr) => {
      expect([error, stderr, stdout.length]).to.deep.equal([null, "", 1]);
      done();
    });
  });
});
