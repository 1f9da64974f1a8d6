import { Option, type Command } from "commander";
import { collect, wholeNumber } from "./option-values.js";
import type { Mode } from "../evaluation/benchmark.js";
import { ENDPOINT_FLAGS } from "../evaluation/run/endpoint-flags.js";
import { JUDGE_FLAGS, type JudgeOptions } from "../evaluation/judge.js";

const MODES: readonly Mode[] = ["strict", "fixed"];

/**
 * Declares `scpo eval` and its commands; what they need is loaded when one runs.
 *
 * @param program - The command `scpo`.
 * @param signal - Stops what is under way.
 */
export function addEvalCommands(program: Command, signal: AbortSignal): void {
  const evaluation = program
    .command("eval")
    .description("score, compare and collect answers to published hallucination benchmarks");
  addScore(evaluation, signal);
  addRun(evaluation, signal);
  addLmms(evaluation, signal);
  addCompare(evaluation);
  addSuite(evaluation, signal);
  addBenchmarks(evaluation);
}

function addScore(evaluation: Command, signal: AbortSignal): void {
  const command = evaluation
    .command("score")
    .description("score an answer file as the benchmark's official script does, or with its defects mended")
    .argument("<benchmark>", "its name; scpo eval benchmarks lists them")
    .option("--annotations <folder>", "the benchmark's files, as its repository holds them; for scenes the file")
    .requiredOption("--answers <path>", "answer file; for mme the folder of answer files")
    .addOption(
      new Option(
        "--mode <mode>",
        "strict: as the official script; fixed: its defects mended (default: by benchmark)",
      ).choices(MODES),
    )
    .option("--option <name=value>", "an option of the benchmark's own; may be repeated", collect, [] as string[])
    .option(
      "--map <name=field>",
      "which field of the answers is the answer, id, image, question or group; may be repeated",
      collect,
      [] as string[],
    )
    .option(
      "--reasoning <markers>",
      'what stands around reasoning that fixed mode sets aside (default: "<think> </think>")',
    )
    .option("--out <file>", "write the result there, for scpo eval compare")
    .option("--json", "print the result as JSON instead of a table", false);
  for (const [flags, meaning] of JUDGE_FLAGS) command.option(flags, meaning);
  interface ScoreFlags extends JudgeOptions {
    annotations?: string;
    answers: string;
    mode?: Mode;
    option: string[];
    map: string[];
    reasoning?: string;
    out?: string;
    json: boolean;
  }
  command.action(async (benchmark: string, options: ScoreFlags) => {
    const { evalScore } = await import("./eval-command.js");
    await evalScore({ ...options, benchmark, signal });
  });
}

function addRun(evaluation: Command, signal: AbortSignal): void {
  interface RunFlags {
    model?: string;
    benchmark: string;
    annotations: string;
    images?: string;
    out: string;
    maxNewTokens?: number;
    batchSize?: number;
    sample?: number;
    sampleSeed: number;
    imageList?: string;
    option: string[];
    promptSuffix?: string;
    skipDamaged: boolean;
    threads?: number;
    json: boolean;
    endpointUrl?: string;
    endpointModel?: string;
    endpointConcurrency?: string;
    endpointSettings?: string;
  }
  const command = evaluation
    .command("run")
    .description("let a model answer a benchmark's questions; the same command goes on after an interruption")
    .option(
      "--model <path>",
      "folder of the model, its name in the hub's local cache, or embedded for the one that ships",
    )
    .requiredOption("--benchmark <name>", "its name; scpo eval benchmarks lists them")
    .requiredOption(
      "--annotations <folder>",
      "the benchmark's files, as its repository holds them; for scenes the file",
    )
    .option("--images <folder>", "the benchmark's images; for scenes left out")
    .requiredOption("--out <path>", "where the answers go")
    .option("--max-new-tokens <number>", "longest answer, in tokens (default: 512; for scenes 24)", wholeNumber(1))
    .option("--batch-size <number>", "questions a batch, with --model (default: 16; for scenes 250)", wholeNumber(1))
    .option("--sample <images>", "ask about so many images only, as CHAIR is often run with 500", wholeNumber(1))
    .option("--sample-seed <number>", "another draw of images", wholeNumber(0), 0)
    .option("--image-list <file>", "ask about these images only: a name or id a line, or answers that name theirs")
    .option("--option <name=value>", "an option of the benchmark's own; may be repeated", collect, [] as string[])
    .option("--prompt-suffix <text>", "put behind every question as it is")
    .option("--skip-damaged", "leave questions about images out that cannot be decoded", false)
    .option("--threads <number>", "threads of torch, with --model (default: all cores)", wholeNumber(1))
    .option("--json", "print the outcome as JSON", false);
  for (const [flags, meaning] of ENDPOINT_FLAGS) command.option(flags, meaning);
  command.action(async (options: RunFlags) => {
    const { benchmarkNamed } = await import("../evaluation/registry.js");
    const benchmark = benchmarkNamed(options.benchmark);
    const { evalRun } = await import("./eval-run-command.js");
    await evalRun({ ...options, benchmark, signal });
  });
}

function addLmms(evaluation: Command, signal: AbortSignal): void {
  interface LmmsFlags {
    model?: string;
    results?: string;
    tasks: string[];
    modelType: string;
    modelArg: string[];
    lmmsEval: string;
    out: string;
    mode: Mode;
    batchSize: number;
    limit?: number;
    json: boolean;
    force: boolean;
  }
  evaluation
    .command("lmms")
    .description("general ability: run lmms-eval, a separate program, and read its results, known defects mended")
    .argument("[arguments...]", "after --: further arguments of lmms-eval, as they are")
    .option("--model <path>", "folder of the model, or its name on a hub")
    .option("--tasks <names>", "tasks of lmms-eval, separated by commas", (text: string) => text.split(","), [])
    .option("--results <file>", "read this results file of an earlier run instead")
    .requiredOption("--out <folder>", "where its results go, and ours")
    .option("--model-type <name>", "lmms-eval's name of the kind of model", "llava_hf")
    .option("--model-arg <name=value>", "a further argument of the model; may be repeated", collect, [] as string[])
    .option("--lmms-eval <command>", "its program", process.env["SCPO_LMMS_EVAL"] ?? "lmms-eval")
    .option("--batch-size <number>", "questions a batch", wholeNumber(1), 1)
    .option("--limit <number>", "questions a task, for a trial", wholeNumber(1))
    .addOption(
      new Option("--mode <mode>", "strict: as lmms-eval prints; fixed: its known defects mended")
        .choices(MODES)
        .default("fixed"),
    )
    .option("--json", "print the results as JSON", false)
    .action(async (extra: string[], { modelArg: modelArgs, lmmsEval: command, ...options }: LmmsFlags) => {
      const { evalLmms } = await import("./eval-lmms-command.js");
      await evalLmms({ ...options, modelArgs, command, extra, signal });
    });
}

function addCompare(evaluation: Command): void {
  evaluation
    .command("compare")
    .description("compare results over the same images: differences by paired bootstrap, with intervals and p")
    .argument("<first>", "result of scpo eval score --json or --out")
    .argument("<others...>", "results to compare with the first")
    .option("--plot <file>", "draw CHAIR against coverage as SVG")
    .option("--json", "print the comparison as JSON instead of a table", false)
    .action(async (first: string, others: string[], options: { plot?: string; json: boolean }) => {
      const { evalCompare } = await import("./eval-command.js");
      await evalCompare([first, ...others], options);
    });
}

function addSuite(evaluation: Command, signal: AbortSignal): void {
  evaluation
    .command("suite")
    .description("let models answer benchmarks, score and compare them, as a YAML file lists them; resumable")
    .argument("<file>", "out, models and benchmarks; docs/evaluation.md shows one")
    .option("--threads <number>", "threads of torch (default: all cores)", wholeNumber(1))
    .action(async (file: string, options: { threads?: number }) => {
      const { evalSuite } = await import("./eval-suite-command.js");
      await evalSuite(file, { ...options, signal });
    });
}

function addBenchmarks(evaluation: Command): void {
  evaluation
    .command("benchmarks")
    .description("list the benchmarks: what they measure, where to get their files, what fixed mode mends")
    .argument("[name]", "one of them")
    .option("--annotations <folder>", "check the files there")
    .option("--json", "print as JSON", false)
    .action(async (name: string | undefined, options: { annotations?: string; json: boolean }) => {
      const { evalBenchmarks } = await import("./eval-command.js");
      await evalBenchmarks(name, options);
    });
}
