import type { Command } from "commander";
import { RUNS_FOLDER } from "../run-file/settings-folder.js";
import { writeAtomically } from "../write-atomically.js";

/**
 * Declares the commands around `run.yaml`; what they need is loaded when one runs.
 *
 * @param program - The command `scpo`.
 */
export function addRunCommands(program: Command): void {
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
    .command("schema")
    .description("print the JSON Schema of run.yaml, for editors")
    .option("--out <file>", "write it there instead")
    .action(async ({ out }: { out?: string }) => {
      const { runSchemaText } = await import("../run-file/json-schema.js");
      if (out === undefined) process.stdout.write(runSchemaText());
      else await writeAtomically(out, runSchemaText());
    });
}
