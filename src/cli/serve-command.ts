import { serve, type ServeOptions } from "../service/serve.js";

/** Serves until the signal comes, then drains. */
export async function serveCommand(options: ServeOptions, signal: AbortSignal): Promise<void> {
  const log = (line: string) => process.stderr.write(`scpo serve: ${line}\n`);
  const serving = await serve({ ...options, log });
  // One line that a program can wait for.
  process.stdout.write(`listening on ${serving.address}\n`);
  if (serving.metricsPort !== null) log(`metrics on http://127.0.0.1:${serving.metricsPort}/metrics`);
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
  log("draining: runs are paused and go on when the service starts again");
  await serving.drain();
}
