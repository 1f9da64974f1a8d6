import { join, resolve } from "node:path";
import { Command, Option } from "commander";
import { packageVersion } from "../package-root.js";
import { addEvalCommands } from "./eval-program.js";
import { wholeNumber } from "./option-values.js";
import { guardOutputs } from "./outputs.js";
import { addPairsCommands } from "./pairs-program.js";
import { inLines } from "../one-line.js";
import { addRunCommands } from "./run-program.js";

/**
 * The command `scpo`; what a command needs is loaded when it runs.
 *
 * @param signal - Stops what is under way.
 */
export function scpoProgram(signal: AbortSignal): Command {
  const program = new Command("scpo")
    .description("Semantic Curriculum Preference Optimization: fewer descriptions of what is not in the picture")
    .version(packageVersion())
    .showHelpAfterError("(scpo --help lists commands and options)")
    // What was typed is repeated in what is wrong with it.
    .configureOutput({ writeErr: (text) => void process.stderr.write(inLines(text)) })
    .exitOverride();

  program
    .command("demo")
    .description("train the embedded default with sft, dpo and scpo, score all on test scenes and write a page")
    .option("--seed <number>", "seed of the training pairs and their order", wholeNumber(0, 2 ** 31 - 1), 1)
    .option("--out <folder>", "where the result goes (default: runs/demo, or runs/demo-seed-<n> for another seed)")
    .option("--pairs <number>", "contrast quadruples to train on (default: the recipe's)", wholeNumber(1))
    .option("--json", "print result.json instead of the table")
    .addOption(new Option("--workers <number>", "trainers at a time").argParser(wholeNumber(1)).default(2))
    .action(async (options: { seed: number; out?: string; pairs?: number; json?: boolean; workers: number }) => {
      const { demo } = await import("./demo-command.js");
      const folder = options.out ?? join("runs", options.seed === 1 ? "demo" : `demo-seed-${options.seed}`);
      await demo({ ...options, out: resolve(folder), json: options.json ?? false, signal: signal });
    });

  program
    .command("study")
    .description("search settings on validation scenes, then compare all methods on test scenes with several seeds")
    .option("--out <folder>", "where the results go", join("runs", "study"))
    .addOption(new Option("--workers <number>", "trainers at a time").argParser(wholeNumber(1)).default(2))
    .action(async (options: { out: string; workers: number }) => {
      const { study } = await import("./study-command.js");
      await study({ ...options, out: resolve(options.out), signal: signal });
    });

  program
    .command("base")
    .description("train the embedded base model again from scratch and put it in place of the one that ships")
    .option("--out <folder>", "where the drawn scenes go", join("runs", "base"))
    .option("--kinds <kinds>", "kinds of facts in the world: all, or names with commas; the model goes to the folder")
    .option("--scenes <number>", "scenes to learn from; the model goes to the folder", wholeNumber(1))
    .option("--steps <number>", "steps of each part of the training; the model goes to the folder", wholeNumber(1))
    .action(async (options: { out: string; kinds?: string; scenes?: number; steps?: number }) => {
      const [{ base }, { readKinds }] = await Promise.all([import("./base-command.js"), import("../scenes/kinds.js")]);
      const kinds = options.kinds === undefined ? undefined : readKinds(options.kinds);
      await base({ ...options, out: resolve(options.out), kinds, signal: signal });
    });

  addRunCommands(program, signal);
  addEvalCommands(program, signal);
  addPairsCommands(program, signal);
  guardOutputs(program);
  return program;
}
