import type { Command } from "commander";
import { RUNS_FOLDER } from "../run-file/settings-folder.js";
import { EFFICIENCY } from "../estimate/cards.js";
import type { EstimateFlags } from "./estimate-command.js";
import { collect, positiveNumber, wholeNumber } from "./option-values.js";

/**
 * Declares the commands around `run.yaml`; what they need is loaded when one runs.
 *
 * @param program - The command `scpo`.
 * @param signal - Stops what is under way.
 */
export function addRunCommands(program: Command, signal: AbortSignal): void {
  addTrain(program, signal);
  addEstimate(program);
  addDirect(program, signal);
  addControl(program);
  addServe(program, signal);
  addDoctor(program);
}

function addTrain(program: Command, signal: AbortSignal): void {
  program
    .command("train")
    .description("start the run that a run.yaml describes, and follow it; Ctrl-C saves it and ends it")
    .argument("<run.yaml>", "the run's settings; docs/runs.md describes them")
    .option("--runs <folder>", "where the run's folder goes", RUNS_FOLDER)
    .option("--id <name>", "another name than the settings give")
    .option("--dry-run", "check settings and data, print what would be done, and end", false)
    .option("--json", "print the result as JSON", false)
    .action(async (path: string, options: { runs: string; id?: string; dryRun: boolean; json: boolean }) => {
      const { train } = await import("./train-command.js");
      await train(path, { ...options, signal });
    });
  program
    .command("resume")
    .description("resume a run that was interrupted, paused or failed, from its last checkpoint")
    .argument("<folder>", "the run's folder")
    .option("--json", "print the result as JSON", false)
    .action(async (directory: string, options: { json: boolean }) => {
      const { resume } = await import("./train-command.js");
      await resume(directory, { ...options, signal });
    });
}

function addEstimate(program: Command): void {
  program
    .command("estimate")
    .description(
      "what a run would take: memory by part, seconds a step, hours, cost, and what to change if it does not fit",
    )
    .argument("<run.yaml>", "the run's settings; no weights are loaded, and no GPU is needed")
    .option("--gpu <name>", "the card that trains (left out: this machine's, else the CPU); a wrong name lists all")
    .option("--memory <GiB>", "the card's memory, in place of --gpu's", positiveNumber)
    .option("--flops <tera>", "the card's teraflops in the type that the passes compute in", positiveNumber)
    .option("--price-per-hour <amount>", "what one GPU costs an hour", positiveNumber)
    .option("--efficiency <share>", "share of the card's teraflops that a step reaches", positiveNumber, EFFICIENCY)
    .option(
      "--shards <number>",
      "GPUs that share weights, gradients and optimiser (FSDP, ZeRO 3)",
      wholeNumber(1, 1024),
      1,
    )
    .option("--changes", "say what other settings would take even if it fits", false)
    .option("--json", "print as JSON, in bytes and operations", false)
    .action(async (path: string, options: EstimateFlags) => {
      const { estimateCommand } = await import("./estimate-command.js");
      await estimateCommand(path, options);
    });
}

function addDirect(program: Command, signal: AbortSignal): void {
  interface DirectFlags {
    listen: string;
    runs: string;
    id?: string;
    dryRun: boolean;
    json: boolean;
    tokenFile?: string;
    tlsCertificate?: string;
    tlsKey?: string;
  }
  program
    .command("direct")
    .description("direct a training that somebody else starts: wait until it dials, and decide by a run.yaml")
    .argument("<run.yaml>", "the run's settings; model and backend are not needed, data only to name graded pairs")
    .option(
      "--listen <address>",
      "HOST:PORT or unix:///absolute/path that the training dials; other machines need TLS and a token",
      "127.0.0.1:50053",
    )
    .option("--runs <folder>", "where the run's folder goes", RUNS_FOLDER)
    .option("--id <name>", "another name than the settings give")
    .option("--dry-run", "wait for the training, print what would be done with it, and send it away", false)
    .option("--json", "print the result as JSON", false)
    .option("--token-file <file>", "file that holds the token that the training must show, mode 0600")
    .option("--tls-certificate <file>", "this side's certificate, PEM")
    .option("--tls-key <file>", "its private key, PEM, mode 0600")
    .action(async (path: string, { listen, tokenFile, tlsCertificate, tlsKey, ...options }: DirectFlags) => {
      const [{ direct }, { listenOf }] = await Promise.all([
        import("./train-command.js"),
        import("./listen-options.js"),
      ]);
      const door = listenOf({ listen, tokenFile, tlsCertificate, tlsKey });
      await direct(path, { ...options, signal, listen: door });
    });
}

function addServe(program: Command, signal: AbortSignal): void {
  interface ServeFlags {
    listen: string;
    runs: string;
    data: string[];
    backend?: string;
    parallel: number;
    tokenFile?: string;
    tlsCertificate?: string;
    tlsKey?: string;
    tlsClientAuthority?: string;
    metricsPort?: number;
    allowRemoteCode?: boolean;
    allowHub?: boolean;
  }
  program
    .command("serve")
    .description("offer runs to any language over gRPC (scpo.v1.RunService) until SIGTERM or Ctrl-C")
    .option(
      "--listen <address>",
      "HOST:PORT or unix:///absolute/path; other machines need TLS and a token",
      "127.0.0.1:50052",
    )
    .option("--runs <folder>", "folder of runs", RUNS_FOLDER)
    .requiredOption(
      "--data <folder>",
      "folder that clients' paths must lie in; may be repeated",
      collect,
      [] as string[],
    )
    .option("--backend <file>", "YAML file with the fields of `backend` in run.yaml (default: a launched Python)")
    .option("--parallel <number>", "runs at a time", wholeNumber(1, 1024), 1)
    .option("--token-file <file>", "tokens that let clients in, owner:token a line, mode 0600")
    .option("--tls-certificate <file>", "the server's certificate, PEM")
    .option("--tls-key <file>", "its private key, PEM, mode 0600")
    .option("--tls-client-authority <file>", "authority of clients' certificates, PEM: every client must show one")
    .option("--allow-remote-code", "clients may set what runs a model's own code or reaches other services")
    .option("--allow-hub", "clients may name models on the Hugging Face hub, which this machine fetches")
    .option("--metrics-port <number>", "serve figures for Prometheus on this port of 127.0.0.1", wholeNumber(0, 65535))
    .action(async (options: ServeFlags) => {
      const { serveRuns } = await import("./serve-command.js");
      await serveRuns({ ...options, signal });
    });
}

function addControl(program: Command): void {
  program
    .command("status")
    .description("say where a run stands, or all runs")
    .argument("[folder]", "the run's folder; left out: every run in --runs")
    .option("--runs <folder>", "folder of runs", RUNS_FOLDER)
    .option("--json", "print as JSON", false)
    .action(async (directory: string | undefined, options: { runs: string; json: boolean }) => {
      const { status } = await import("./status-command.js");
      await status(directory, options);
    });
  program
    .command("cancel")
    .description("end a run for good, in whatever process it is")
    .argument("<folder>", "the run's folder")
    .option("--reason <text>", "kept in the run's log")
    .action(async (directory: string, { reason }: { reason?: string }) => {
      const { stopRun } = await import("./status-command.js");
      await stopRun(directory, "cancel", reason);
    });
  program
    .command("pause")
    .description("save a run after the step under way and end it; scpo resume continues it")
    .argument("<folder>", "the run's folder")
    .action(async (directory: string) => {
      const { stopRun } = await import("./status-command.js");
      await stopRun(directory, "pause", undefined);
    });
}

function addDoctor(program: Command): void {
  program
    .command("doctor")
    .description("check Node, Python, packages, GPU, memory, disk and sockets; say how to mend what is wrong")
    .option("--runs <folder>", "where runs go", RUNS_FOLDER)
    .option("--python <path>", "a Python interpreter in place of the default one")
    .option("--json", "print as JSON", false)
    .action(async (options: { runs: string; python?: string; json: boolean }) => {
      const { doctor } = await import("./doctor-command.js");
      await doctor(options);
    });
  program
    .command("simulate")
    .description("what other policies would have decided in a recorded run, as a table and a picture")
    .argument("<run>", "the run's folder")
    .option("--reference <policy>", "name and settings: kl-bound,bound=5,window=10")
    .option("--curriculum <policy>", "name and settings: staged,stages=3,promotion.on=plateau")
    .option("--out <file>", "where the picture goes (SVG), from the working directory", "simulation.svg")
    .option("--json", "print the simulation as JSON, with the rows of every step", false)
    .action(async (run: string, options: { reference?: string; curriculum?: string; out: string; json: boolean }) => {
      const { simulateCommand } = await import("./simulate-command.js");
      await simulateCommand({ run, ...options });
    });
  program
    .command("schema")
    .description("print the JSON Schema of run.yaml, for editors")
    .action(async () => {
      const { runSchemaText } = await import("../run-file/json-schema.js");
      process.stdout.write(runSchemaText());
    });
}
