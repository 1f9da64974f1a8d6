import type { Command } from "commander";

/** Flags of options that name an output. */
const OUTPUT_FLAG = /^--(out|plot)$/;

/** Commands that know their output by settings beside it, and refuse another one in any case. */
const LOOK_THEMSELVES = new Set(["eval run"]);

/**
 * Has every command look, before it does anything, at what lies where it is to write: nothing is written over what the
 * command reads, and nothing over what this program did not make unless `--force` is given.
 *
 * @param program - The command `scpo` with all its commands.
 */
export function guardOutputs(program: Command): void {
  for (const command of commandsOf(program)) {
    const option = command.options.find(({ long }) => OUTPUT_FLAG.test(long ?? ""));
    if (option === undefined) continue;
    if (!LOOK_THEMSELVES.has(pathOf(command))) {
      command.option("--force", "write over what is there though scpo did not make it", false);
    }
    command.hook("preAction", async (_, called) => {
      const { checkOutput } = await import("./check-output.js");
      await checkOutput(called, pathOf(command), option);
    });
  }
}

function commandsOf(program: Command): Command[] {
  return program.commands.flatMap((command) => [command, ...commandsOf(command)]);
}

function pathOf(command: Command): string {
  const { parent } = command;
  return parent === null || parent.parent === null ? command.name() : `${pathOf(parent)} ${command.name()}`;
}
