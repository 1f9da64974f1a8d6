import { CommanderError } from "commander";
import { UserError } from "../errors.js";
import { inLines } from "../one-line.js";
import { scpoProgram } from "./program.js";

/** Exit status after Ctrl-C, as shells expect it. */
const INTERRUPTED = 130;

const abort = new AbortController();
// SIGHUP: the terminal was closed.
for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(name, () => {
    // Whoever asks twice does not want to wait.
    if (abort.signal.aborted) process.exit(INTERRUPTED);
    process.stderr.write("\nscpo: stopping\n");
    abort.abort(new Interrupted(name));
  });
}

// npx dies of a signal and passes none on: who ends it means this process.
if (process.env["npm_command"] === "exec") {
  const npx = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === npx) return;
    clearInterval(watch);
    process.kill(process.pid, "SIGTERM");
  }, 500).unref();
}

// Nobody reads any more what a closed terminal would have shown; the work is saved all the same.
process.stderr.on("error", () => undefined);
// A reader that has seen enough, such as head, is no mistake.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  if (error.code === "EIO") return;
  throw error;
});

class Interrupted extends Error {}

try {
  await scpoProgram(abort.signal).parseAsync();
} catch (error) {
  const complain = (text: string) => process.stderr.write(`scpo: ${inLines(text)}\n`);
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode;
  } else if (error instanceof Interrupted || abort.signal.aborted) {
    process.exitCode = INTERRUPTED;
  } else if (error instanceof UserError) {
    complain(error.message);
    process.exitCode = 1;
  } else {
    const { message, stack } = error instanceof Error ? error : { message: String(error), stack: undefined };
    complain(message);
    if (process.env["SCPO_DEBUG"] !== undefined) process.stderr.write(`${stack}\n`);
    else process.stderr.write("scpo: set SCPO_DEBUG=1 to see where it happened\n");
    process.exitCode = 1;
  }
}
